/// A message that is read and written by hand: for services whose messages are few and small, where a generated codec
/// and its runtime would outweigh all the rest.
public protocol ProtobufMessage: Sendable {
  /// A message with every field at its default.
  init()
  /// Takes one field over; ignores one that it does not know.
  mutating func read(_ field: ProtobufField) throws(ProtobufError)
  /// Writes the fields in the order of their numbers.
  func write(to writer: inout ProtobufWriter)
}

extension ProtobufMessage {
  /// Reads a message.
  public init(protobuf bytes: ArraySlice<UInt8>) throws(ProtobufError) {
    self.init()
    var reader = ProtobufReader(bytes)
    while let field = try reader.next() { try read(field) }
  }

  /// Reads a message.
  public init(protobuf bytes: [UInt8]) throws(ProtobufError) { try self.init(protobuf: bytes[...]) }

  /// The message's bytes.
  public func protobuf() -> [UInt8] {
    var writer = ProtobufWriter()
    write(to: &writer)
    return writer.bytes
  }
}
