/// Several things of which one that fails does not stop the others.
struct Attempts {
  private var failures: [String] = []
  private var count = 0

  mutating func make(_ subject: String, _ body: () async throws -> Void) async {
    count += 1
    do { try await body() } catch { failures.append("\(subject): \(error)") }
  }

  /// Says which have failed.
  func end() throws(CommandFailure) {
    if failures.isEmpty { return }
    throw CommandFailure(
      "\(failures.count) of \(count) failed; the others are done:"
        + failures.map { "\n  \($0.replacing("\n", with: "\n  "))" }.joined(),
      next: "mend the cause and run again")
  }
}
