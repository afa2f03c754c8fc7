import Glibc

/// An API server, or a kubelet behind it, that could not be reached: nothing that a test is about, and soon over.
enum Unreachable {
  /// How long it is asked again.
  private static let limit = Duration.seconds(90)

  /// What kubectl, the API server and our own client say then.
  private static let signs = [
    "connection refused", "was refused - did you specify", "connection reset by peer", "no route to host",
    "i/o timeout", "TLS handshake timeout",
    "unexpected EOF", ": EOF", "http2: ", "Client.Timeout exceeded", "context deadline exceeded",
    "Unable to connect to the server", "unable to handle the request",
    "unable to return a response in the time allotted",
    "etcdserver: ", "TooManyRequests", "error dialing backend", "unable to upgrade connection",
    "the object has been modified", "Timeout: request did not complete",
    // Sources/Adapters/KubeClient/KubeError.swift
    "cannot reach https://", " did not answer: ",
  ]

  /// Whether a failure is of that sort.
  static func explains(_ failure: String) -> Bool { signs.contains { failure.contains($0) } }

  /// Runs a command; as long as nobody can be reached, again every second until the time is up.
  static func askedAgain(within limit: Duration = limit, _ command: () throws -> String) throws -> String {
    let end = ContinuousClock.now + limit
    while true {
      do { return try command() } catch {
        guard explains("\(error)"), ContinuousClock.now < end else { throw error }
        print("asked again: \(error)")
        usleep(1_000_000)
      }
    }
  }
}
