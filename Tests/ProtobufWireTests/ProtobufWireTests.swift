import ProtobufWire
import TestSupport
import Testing

/// A message with a field of every shape that the codec knows.
private struct Sample: ProtobufMessage, Equatable {
  var text = ""
  var number: Int64 = 0
  var flag = false
  var texts: [String] = []
  var map: [String: String] = [:]
  var children: [Child] = []

  struct Child: ProtobufMessage, Equatable {
    var name = ""
    mutating func read(_ field: ProtobufField) throws(ProtobufError) {
      if field.number == 1 { name = try field.string() }
    }
    func write(to writer: inout ProtobufWriter) { writer.string(1, name) }
  }

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: text = try field.string()
    case 2: number = try field.integer()
    case 3: flag = try field.bool()
    case 4: texts.append(try field.string())
    case 5:
      let entry = try field.stringEntry()
      map[entry.key] = entry.value
    case 600: children.append(try field.message())
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.string(1, text)
    writer.integer(2, number)
    writer.bool(3, flag)
    writer.strings(4, texts)
    writer.stringMap(5, map)
    writer.messages(600, children)
  }
}

@Suite struct ProtobufWireTests {
  @Test func omitsDefaultsButWritesElements() {
    #expect(Sample().protobuf() == [])
    var sample = Sample()
    sample.texts = [""]
    sample.children = [Sample.Child()]
    #expect(sample.protobuf() == [0x22, 0x00, 0xc2, 0x25, 0x00])
  }

  @Test(
    arguments: [
      (Int64(1), [0x10, 0x01]), (300, [0x10, 0xac, 0x02]),
      (-1, [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
      (.max, [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ] as [(Int64, [UInt8])])
  func writesIntegers(value: Int64, bytes: [UInt8]) throws {
    var sample = Sample()
    sample.number = value
    #expect(sample.protobuf() == bytes)
    #expect(try Sample(protobuf: bytes) == sample)
  }

  @Test func readsWhatItWrites() throws {
    var sample = Sample()
    sample.text = "ünï"
    sample.number = -5
    sample.flag = true
    sample.texts = ["a", "", "c"]
    sample.map = ["k": "v", "": "empty key", "empty value": ""]
    sample.children = [Sample.Child(), Sample.Child(name: String(repeating: "x", count: 1000))]
    #expect(try Sample(protobuf: sample.protobuf()) == sample)
  }

  @Test func ignoresUnknownFieldsOfEveryWireType() throws {
    let unknown: [UInt8] = [
      0x50, 0x07, 0x51, 1, 2, 3, 4, 5, 6, 7, 8, 0x52, 0x02, 0xff, 0xfe, 0x55, 1, 2, 3, 4, 0x0a, 0x01, 0x61,
    ]
    #expect(try Sample(protobuf: unknown).text == "a")
  }

  @Test(
    arguments: [
      ([0x0a], ProtobufError(.truncated, field: 1)),
      ([0x0a, 0x05, 0x61], ProtobufError(.truncated, field: 1)),
      ([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], ProtobufError(.truncated, field: 1)),
      ([0x51, 0x01], ProtobufError(.truncated, field: 10)),
      ([0x80], ProtobufError(.truncated, field: 0)),
      (Array(repeating: 0xff, count: 11), ProtobufError(.malformedVarint, field: 0)),
      ([0x00], ProtobufError(.invalidTag, field: 0)),
      ([0x0f], ProtobufError(.invalidTag, field: 1)),
      ([0x0b], ProtobufError(.groupsUnsupported, field: 1)),
      ([0x08, 0x01], ProtobufError(.wrongWireType, field: 1)),
      ([0x12, 0x00], ProtobufError(.wrongWireType, field: 2)),
      ([0x0a, 0x01, 0xff], ProtobufError(.invalidUTF8, field: 1)),
      ([0xc2, 0x25, 0x02, 0x0a, 0x05], ProtobufError(.truncated, field: 1)),
    ] as [([UInt8], ProtobufError)])
  func refusesMalformedBytes(bytes: [UInt8], error: ProtobufError) {
    #expect(throws: error) { try Sample(protobuf: bytes) }
  }

  /// No input may crash the reader; each either reads or throws.
  @Test func survivesArbitraryBytes() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in UInt8.random(in: 0...255) }
      _ = try? Sample(protobuf: bytes)
    }
  }
}
