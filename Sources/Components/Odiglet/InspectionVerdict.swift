import ProcessInspection

/// What a look at a container is worth.
struct InspectionVerdict: Equatable {
  /// Whether another look without a change could bring nothing more.
  var isCertain: Bool
  /// How long the container must have been looked at before this may be reported.
  var patience: Duration
  /// Whether it is another language than was known.
  var isNews: Bool

  /// Judges an observation; `known` is the language that is recorded.
  init(_ observation: ContainerObservation, known: String?) {
    let inspection = observation.inspection
    let runtime = inspection.runtime
    isNews = runtime.map { $0.language.rawValue != known } ?? false
    var isAnswered = inspection.oversizedVariables.isEmpty
    if case .failure = observation.imageVariables { isAnswered = false }
    // Of several languages one is the container's for certain only when it is the one that others connect to.
    let least = inspection.runtimes.count > 1 ? RuntimeStanding.listening : .running
    isCertain = isAnswered && runtime.map { $0.standing >= least } ?? false
    patience =
      switch runtime?.standing {
      case nil: InspectionSchedule.patience
      case .started? where isNews, .launching? where isNews: InspectionSchedule.scriptPatience
      default: .zero
      }
  }
}
