import Glibc
import Testing

/// Files beside the tests that hold what is expected. `UPDATE_GOLDEN=1` writes them anew.
enum Golden {
  /// Where they are, found from this file.
  static let directory = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/Fixtures/"

  /// The names of the test cases: the directories of the fixtures.
  static let cases: [String] = {
    guard let entries = opendir(directory) else { return [] }
    defer { closedir(entries) }
    var names: [String] = []
    while let entry = readdir(entries) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }()

  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(directory + path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return bytes
  }

  static func expect(_ actual: String, in path: String, sourceLocation: SourceLocation = #_sourceLocation) {
    if getenv("UPDATE_GOLDEN") != nil {
      guard let file = fopen(directory + path, "w") else {
        Issue.record("cannot write \(directory + path)", sourceLocation: sourceLocation)
        return
      }
      fputs(actual, file)
      fclose(file)
      return
    }
    let expected = read(path).map { String(decoding: $0, as: UTF8.self) }
    #expect(
      actual == expected, "\(path) differs; look at it, then UPDATE_GOLDEN=1 rewrites it",
      sourceLocation: sourceLocation)
  }
}
