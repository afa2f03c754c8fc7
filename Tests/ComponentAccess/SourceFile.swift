import Glibc

/// Files of the repository, without Foundation: suites that import this shall be as free of it as what they test.
enum SourceFile {
  /// A file that cannot be read.
  struct Failure: Error {
    var path: String
    var code: Int32
  }

  /// The absolute path of a file named from the repository's top.
  static func path(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/" + name
  }

  /// What is in a file.
  static func text(_ path: String) throws(Failure) -> String {
    guard let file = fopen(path, "r") else { throw Failure(path: path, code: errno) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part.prefix(count) }
    guard ferror(file) == 0 else { throw Failure(path: path, code: errno) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The Swift files below a directory.
  static func swiftFiles(below directory: String) throws(Failure) -> [String] {
    guard let stream = opendir(directory) else { throw Failure(path: directory, code: errno) }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let path = "\(directory)/\(name)"
      if entry.pointee.d_type == UInt8(DT_DIR) {
        if !name.hasPrefix(".") { found += try swiftFiles(below: path) }
      } else if name.hasSuffix(".swift") {
        found.append(path)
      }
    }
    return found
  }
}
