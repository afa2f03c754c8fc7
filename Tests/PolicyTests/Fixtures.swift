import Glibc
import JSON
import Testing

/// A file of the folder `Fixtures` beside this one.
func fixture(_ name: String, file: String = #filePath) throws -> JSONValue {
  let folder = file.split(separator: "/").dropLast().joined(separator: "/")
  let path = "/\(folder)/Fixtures/\(name)"
  let stream = try #require(fopen(path, "r"), "no fixture \(path)")
  defer { fclose(stream) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&chunk, 1, chunk.count, stream)
    if count == 0 { break }
    bytes += chunk[..<count]
  }
  return try JSONValue(parsing: bytes)
}
