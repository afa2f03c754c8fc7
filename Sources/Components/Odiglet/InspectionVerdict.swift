import OdigosObjects
import ProcessInspection

/// What a look at a container is worth.
struct InspectionVerdict: Equatable {
  /// Whether another look without a change could bring nothing more.
  var isCertain: Bool
  /// How long the container must have been uncertain before this may be reported; nil for never.
  var patience: Duration?
  /// Whether it is another language than was known.
  var isNews: Bool

  /// Judges an observation; `known` is what is recorded.
  init(_ observation: ContainerObservation, known: RuntimeDetails?) {
    let inspection = observation.inspection
    let runtime = inspection.runtime
    isNews = runtime.map { $0.language.rawValue != known?.language } ?? false
    var isAnswered = inspection.oversizedVariables.isEmpty
    if case .failure = observation.imageVariables { isAnswered = false }
    // Of several languages one is the container's for certain only when it is the one that others connect to.
    let least = inspection.runtimes.count > 1 ? RuntimeStanding.listening : .running
    let isBack = runtime.map { known?.isGivenUp($0) ?? false } ?? false
    isCertain = isAnswered && !isBack && runtime.map { $0.standing >= least } ?? false
    patience =
      switch runtime?.standing {
      // Where nothing can be read, that says nothing of the container.
      case nil where known?.isKnown(by: observation.containerID) ?? false:
        inspection.isBlind ? nil : InspectionSchedule.takingBack
      case nil: InspectionSchedule.patience
      case .started? where isNews, .launching? where isNews: InspectionSchedule.scriptPatience
      default: .zero
      }
  }
}

extension RuntimeDetails {
  /// Whether this container has said what the language is.
  fileprivate func isKnown(by containerID: String) -> Bool {
    language != nil && language != RuntimeLanguage.unknown.rawValue && self.containerID != nil
      && self.containerID == String(containerID.prefix(12))
  }

  /// Whether this is a language that the program had only for a while, and may have for a while again.
  fileprivate func isGivenUp(_ runtime: DetectedRuntime) -> Bool {
    runtime.language.rawValue != language && earlier.contains(runtime.language.rawValue)
      && !(runtime.standing == .listening || runtime.isLasting)
  }
}
