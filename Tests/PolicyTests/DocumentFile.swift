import Glibc
import Testing

/// A document of docs/ that is written from what the code knows. `UPDATE_GOLDEN=1` writes it anew.
struct DocumentFile {
  private let path: String

  init(_ name: String, file: String = #filePath) {
    path = "/" + file.split(separator: "/").dropLast(3).joined(separator: "/") + "/docs/\(name)"
  }

  /// What it says now.
  func read() throws -> String {
    let stream = try #require(fopen(path, "r"), "no document \(path)")
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(_ text: String) throws {
    let stream = try #require(fopen(path, "w"), "cannot write \(path)")
    defer { fclose(stream) }
    fputs(text, stream)
  }

  /// Expects the whole document to be that text.
  func expect(_ text: String) throws {
    if getenv("UPDATE_GOLDEN") != nil { return try write(text) }
    #expect(try read() == text, "\(path) is stale; UPDATE_GOLDEN=1 writes it anew")
  }

  /// Expects that text between the two comments `<!-- begin NAME -->` and `<!-- end NAME -->`.
  func expect(_ text: String, between name: String) throws {
    let document = try read()
    let (begin, end) = ("<!-- begin \(name) -->\n", "<!-- end \(name) -->")
    let start = try #require(document.firstRange(of: begin)?.upperBound, "\(path) has no \(begin)")
    let stop = try #require(document[start...].firstRange(of: end)?.lowerBound, "\(path) has no \(end)")
    if getenv("UPDATE_GOLDEN") != nil { return try write(document[..<start] + text + document[stop...]) }
    #expect(document[start..<stop] == text[...], "\(path) is stale; UPDATE_GOLDEN=1 writes it anew")
  }
}
