@testable import HTTPTransport

/// HTTP/1.1: the first byte says in what parts the rest arrives. How it is cut must make no difference to the requests
/// that are understood.
enum HTTP1Target {
  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let size = Int(input.byte() % 64) + 1
    let whole = requests(input.rest, inPartsOf: max(input.rest.count, 1))
    require(whole == requests(input.rest, inPartsOf: size), "the requests depend on how they arrive")
    let context = ServerFixture.context()
    let host = FixtureHost()
    let session = HTTP1ServerSession(context: context, host: host)
    _ = session.play(input.rest, inPartsOf: size)
    session.finish()
    require(context.budget.left == ServerFixture.limits.maximumBufferedBodies, "the budget of bodies leaks")
  }

  private static func requests(_ bytes: ArraySlice<UInt8>, inPartsOf size: Int) -> [String] {
    var parser = HTTP1RequestParser(
      maximumHeaderSize: ServerFixture.limits.maximumHeaderSize,
      maximumBodySize: ServerFixture.limits.maximumBodySize)
    var result: [String] = []
    var rest = bytes
    do throws(HTTPRefusal) {
      while !rest.isEmpty {
        let part = Array(rest.prefix(size))
        rest = rest.dropFirst(size)
        part.withUnsafeBytes { parser.receive($0) }
        while let message = try parser.next() {
          let request = message.request
          result.append(
            "\(request.method) \(request.path) \(request.query) \(request.headers) \(request.body) "
              + "\(message.keepsAlive) \(message.isHTTP10)")
        }
      }
    } catch {
      // Which of two faults is seen first may depend on the cut; that there is one may not.
      result.append("refused")
    }
    return result
  }
}
