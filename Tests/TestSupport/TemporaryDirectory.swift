import Glibc

/// A directory under /tmp that goes with its value, and all that is in it.
public final class TemporaryDirectory: Sendable {
  /// What could not be done with it.
  public struct Failure: Error, CustomStringConvertible {
    /// The operation, its file and why.
    public let description: String

    init(_ operation: String) { description = "\(operation): \(String(cString: strerror(errno)))" }
  }

  /// Where it is.
  public let path: String

  /// Makes one.
  public init() throws(Failure) {
    var template = Array("/tmp/odigos-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure("make a directory in /tmp") }
    path = String(cString: made)
  }

  deinit { Self.remove(path) }

  /// Writes a file, and makes the directories that it lies in.
  public func write(_ name: String, _ text: String) throws(Failure) { try write(name, bytes: Array(text.utf8)) }

  /// Writes a file, and makes the directories that it lies in.
  public func write(_ name: String, bytes: [UInt8]) throws(Failure) {
    makeDirectory(String(name[..<(name.lastIndex(of: "/") ?? name.startIndex)]))
    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw Failure("open \(name)") }
    defer { close(file) }
    guard bytes.isEmpty || Glibc.write(file, bytes, bytes.count) == bytes.count else { throw Failure("write \(name)") }
  }

  /// Makes a directory, and those that it lies in.
  public func makeDirectory(_ name: String) {
    var directory = path
    for part in name.split(separator: "/") {
      directory += "/\(part)"
      mkdir(directory, 0o755)
    }
  }

  /// Removes a file or a directory with all that is in it.
  public func remove(_ name: String) { Self.remove("\(path)/\(name)") }

  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    if let directory = opendir(path) {
      var names: [String] = []
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
      }
      closedir(directory)
      for name in names { remove("\(path)/\(name)") }
    }
    rmdir(path)
  }
}
