import Glibc
import JSON
import Telemetry
import Testing

/// A golden request, written by Tests/Fixtures/otlp/make-fixtures.
struct Fixture {
  let signal: Signal

  var protobuf: [UInt8] { get throws { try read("pb") } }
  var json: JSONValue { get throws { try JSONValue(parsing: read("json")) } }

  private func read(_ suffix: String) throws -> [UInt8] {
    let here = String(#filePath.dropLast("TelemetryTests/Fixture.swift".count))
    let path = "\(here)Fixtures/otlp/\(signal.rawValue).\(suffix)"
    let file = try #require(fopen(path, "r"), "\(path)")
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    return bytes
  }
}

/// The value with numbers as floating-point, since 1e22 and 1e+22 are one number.
func normalized(_ value: JSONValue) -> JSONValue {
  switch value {
  case .array(let elements): return .array(elements.map(normalized))
  case .object(let object):
    var result = JSONObject()
    for (key, member) in object { result[key] = normalized(member) }
    return .object(result)
  default: return value.double.map { .string("number \($0)") } ?? value
  }
}
