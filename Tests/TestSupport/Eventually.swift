/// Something that did not come about in time.
public struct NotYet: Error, CustomStringConvertible {
  /// What was waited for.
  public let description: String
}

/// Waits until something holds; throws after `patience`.
public func eventually(
  _ what: String, within patience: Duration = .seconds(60), _ holds: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + patience
  while try await !holds() {
    guard ContinuousClock.now < deadline else { throw NotYet(description: "\(what): not within \(patience)") }
    try await Task.sleep(for: .milliseconds(10))
  }
}
