import Glibc

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
  /// The call and the reason, such as "bind 127.0.0.1:80: Permission denied".
  public var description: String { "\(operation): \(Self.reason(of: code))" }

  private static func reason(of code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else { return "error \(code)" }
      return String(cString: start)
    }
  }
}
