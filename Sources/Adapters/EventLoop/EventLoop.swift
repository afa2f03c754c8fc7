// CONTRACT, to be implemented by the owner of this target.

/// One epoll loop on one thread; also a task executor, so that async handlers run on the loop's thread.
public final class EventLoop: Sendable {
  /// Starts the thread.
  public init(name: String) throws(SystemError) {}
  /// Runs `body` on the loop's thread, soon.
  public func execute(_ body: @escaping @Sendable () -> Void) {}
  /// Ends the thread once what runs has finished.
  public func shutdown() {}
}

/// A system call that failed.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was called, on what.
  public var operation: String
  /// `errno` after it.
  public var code: Int32
  /// Makes the error.
  public init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }
  /// The call and the reason.
  public var description: String { "\(operation): error \(code)" }
}
