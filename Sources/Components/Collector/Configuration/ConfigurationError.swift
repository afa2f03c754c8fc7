/// Everything that is wrong with a configuration, each with its place.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line for each problem.
  public let problems: [String]

  init(_ problems: [String]) { self.problems = problems }

  /// The problems as lines.
  public var description: String { problems.joined(separator: "\n") }
}

/// Collects problems and warnings while a configuration is read, so that one run shows all of them.
final class ConfigurationFindings {
  private(set) var problems: [String] = []
  private(set) var warnings: [String] = []

  func problem(_ path: String, _ text: String) { problems.append(path.isEmpty ? text : "\(path): \(text)") }
  func warning(_ path: String, _ text: String) { warnings.append(path.isEmpty ? text : "\(path): \(text)") }
}
