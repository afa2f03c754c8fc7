@testable import HTTPTransport

/// HTTP/2: the first byte chooses how the rest arrives, and how it begins.
enum HTTP2Target {
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let emptySettings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let choice = input.byte()
    let context = ServerFixture.context(acceptsSocketPathAuthority: choice & 0x40 != 0)
    do {
      let host = FixtureHost()
      guard let session = HTTP2ServerSession(context: context, host: host) else {
        return require(false, "no memory for a session")
      }
      // Most inputs would not get past the preface.
      let start = choice & 0x80 == 0 ? preface + emptySettings : []
      _ = session.play(start + input.rest, inPartsOf: 1 << Int(choice % 14))
      session.finish()
    }
    require(context.budget.left == ServerFixture.limits.maximumBufferedBodies, "the budget of bodies leaks")
  }
}
