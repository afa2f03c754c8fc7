@testable import HTTPTransport

/// gRPC: messages in a body, their compression, and the fields of calls.
enum GRPCTarget {
  private static let maximumSize = 8192

  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let choice = input.byte()
    let body = Array(input.rest)
    frames(body, encoding: ["gzip", "identity", "snappy", nil][Int(choice & 3)])
    fields(String(decoding: body, as: UTF8.self))
    if let expanded = try? Gzip.expand(body, maximumSize: maximumSize) {
      require(expanded.count <= maximumSize, "more was expanded than is allowed")
    }
    // A session costs far more than the rest.
    if choice & 0x0C == 0 { session(choice, body) }
  }

  private static func frames(_ body: [UInt8], encoding: String?) {
    var start = 0
    var plain: [UInt8] = []
    var isPlain = true
    while let (message, end) = try? GRPCFraming.next(
      in: body, from: start, encoding: encoding, maximumSize: maximumSize)
    {
      require(end > start && end <= body.count, "a message ends outside of the body")
      require(message.count <= maximumSize, "a message above the limit was accepted")
      isPlain = isPlain && body[start] == 0
      GRPCFraming.append(message, to: &plain)
      start = end
    }
    if isPlain { require(plain.elementsEqual(body[..<start]), "what was framed reads as something else") }
  }

  private static func fields(_ text: String) {
    require(GRPCFraming.decodeMessage(GRPCFraming.encodeMessage(text)) == text, "grpc-message does not survive")
    _ = GRPCFraming.decodeMessage(text)
    guard let timeout = GRPCFraming.decodeTimeout(text) else { return }
    require(
      GRPCFraming.decodeTimeout(GRPCFraming.encodeTimeout(timeout)) ?? .zero >= min(timeout, .seconds(99_999_999)),
      "a timeout became shorter on the wire")
  }

  /// A call of a method that does not exist, with that body: answered with a status, whatever the body.
  private static func session(_ choice: UInt8, _ body: [UInt8]) {
    let context = ServerFixture.context()
    let host = FixtureHost()
    guard let session = HTTP2ServerSession(context: context, host: host) else { return }
    let literals = [
      (":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "x"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ]
    var header: [UInt8] = []
    for (name, value) in literals {
      header += [0, UInt8(name.utf8.count)] + Array(name.utf8)
      header += [UInt8(value.utf8.count)] + Array(value.utf8)
    }
    let data = Array(body.prefix(2000))
    var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    bytes += [0, 0, 0, 4, 0, 0, 0, 0, 0]
    bytes += [0, 0, UInt8(header.count), 1, 4, 0, 0, 0, 1] + header
    bytes += [0, UInt8(data.count >> 8), UInt8(data.count & 255), 0, 1, 0, 0, 0, 1] + data
    let output = session.play(bytes[...], inPartsOf: 1 << Int(choice >> 4))
    require(output.count > 9, "a call was not answered")
    session.finish()
  }
}
