import Foundation

/// One line a step: what is done, then whether it worked and how long it took.
struct Progress {
  private let started = ContinuousClock.now

  /// Runs one step; its line ends with a check mark, or a cross and the error.
  @discardableResult
  func step<Result>(_ title: String, _ body: () async throws -> Result) async throws -> Result {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    if isTerminal { write("\u{2026} \(title)\r") }
    let begin = ContinuousClock.now
    do {
      let result = try await body()
      let seconds = (ContinuousClock.now - begin) / .seconds(1)
      write("\u{2714} \(title)\(seconds >= 1 ? String(format: " (%.0f s)", seconds) : "")\n")
      return result
    } catch {
      write("\u{2718} \(title)\n")
      throw error
    }
  }

  /// A line that is no step.
  func note(_ text: String) { write("  \(text)\n") }

  /// The whole time so far in seconds.
  var elapsed: Double { (ContinuousClock.now - started) / .seconds(1) }

  /// By the way that `print` takes, so that lines come in their order, and at once also where nobody watches.
  private func write(_ text: String) {
    print(text, terminator: "")
    fflush(nil)
  }
}

/// Waits for a condition with a deadline, asking again every half second.
///
/// - Returns: nil once the condition holds, else the last reason why it does not.
func wait(for timeout: Duration, until condition: () async throws -> String?) async throws -> String? {
  let end = ContinuousClock.now + timeout
  while true {
    guard let missing = try await condition() else { return nil }
    if ContinuousClock.now >= end { return missing }
    try await Task.sleep(for: .milliseconds(500))
  }
}
