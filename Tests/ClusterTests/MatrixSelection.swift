import Foundation

/// The part of the matrix that `ODIGOS_MATRIX` asks for.
///
///     all                    everything: minutes, and every image of `hack/image matrix`
///     core                   of each language the first application, and two conflicts, in one round: what `make e2e` does
///     python39-flask,java…   these applications, by their names or what their names begin with, in every round
struct MatrixSelection {
  var cases: [MatrixCase]
  var rounds: [MatrixRound]

  /// What is asked for; nil where nothing is.
  static let wanted = ProcessInfo.processInfo.environment["ODIGOS_MATRIX"].flatMap { $0.isEmpty ? nil : $0 }

  static let all = MatrixSelection(cases: MatrixCase.all, rounds: MatrixRound.all)

  /// The defaults of the configuration, by which each language gets the way that is natural to it: the loader where it
  /// can serve the language, else the variables of the pod.
  private static let natural = MatrixRound(mount: "k8s-virtual-device", environment: "loader-fallback-to-pod-manifest")
  private static let coreConflicts = ["pythonpath-script", "preload"]

  static var core: MatrixSelection {
    var languages: Set<Substring> = []
    let first = MatrixCase.runtimes.filter { languages.insert($0.name.prefix { $0.isLetter }).inserted }
    return MatrixSelection(
      cases: first + MatrixCase.conflicts.filter { coreConflicts.contains($0.name) }, rounds: [natural])
  }

  init(cases: [MatrixCase], rounds: [MatrixRound]) {
    self.cases = cases
    self.rounds = rounds
  }

  /// Reads a selection; a name that selects nothing is an error that tells the names.
  init(_ text: String) throws {
    switch text {
    case "all", "1": self = .all
    case "core": self = .core
    default:
      let names = text.split(separator: ",").map(String.init)
      for name in names where !MatrixCase.all.contains(where: { $0.name.hasPrefix(name) }) {
        throw Cluster.Failure(
          description: "ODIGOS_MATRIX: no application \"\(name)\"; there are all, core, and "
            + MatrixCase.all.map(\.name).joined(separator: ", "))
      }
      self.init(
        cases: MatrixCase.all.filter { item in names.contains { item.name.hasPrefix($0) } }, rounds: MatrixRound.all)
    }
  }
}
