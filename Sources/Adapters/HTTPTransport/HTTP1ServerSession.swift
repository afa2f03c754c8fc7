import EventLoop
import Glibc

/// HTTP/1.1 on one connection: one request at a time, pipelined ones wait.
final class HTTP1ServerSession: ServerSession {
  private let context: ServerContext
  private weak var host: (any SessionHost)?
  private var parser: HTTP1RequestParser
  private var output = HTTP1Output()
  private var current: Exchange?
  private var exchanges = 0
  private var charged = 0
  private var requestBegan: MonotonicInstant?
  private var now = MonotonicInstant(nanoseconds: 0)
  /// No further request is taken.
  private var isClosing = false
  /// The next response is the connection's last.
  private var isRetiring = false
  private var wasRefused = false
  private var isGone = false
  private(set) var hasBegun = false

  /// A request that waits for its response.
  private struct Exchange {
    var number: Int
    var keepsAlive: Bool
    var isHTTP10: Bool
    var isHead: Bool
    var task: Task<Void, Never>?
  }

  init(context: ServerContext, host: any SessionHost) {
    self.context = context
    self.host = host
    parser = HTTP1RequestParser(
      maximumHeaderSize: context.limits.maximumHeaderSize, maximumBodySize: context.limits.maximumBodySize)
  }

  var isFinished: Bool { isClosing && current == nil && outputCount == 0 }
  var lingers: Bool { wasRefused }
  var isIdle: Bool { current == nil && !parser.isMidRequest && outputCount == 0 }
  var requestCount: Int { exchanges }
  var owedSince: MonotonicInstant? { exchanges == 0 ? requestBegan : nil }
  var wantsInput: Bool {
    !isClosing && outputCount < Self.outputBound && (current == nil || parser.buffered < 64 << 10)
  }

  /// No more requests are taken while that much waits to be sent.
  private static let outputBound = 256 << 10
  private var outputCount: Int { output.count }

  func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicInstant) -> Bool {
    self.now = now
    hasBegun = true
    guard !isClosing else { return true }
    parser.receive(bytes)
    process()
    return true
  }

  func peerEnded() -> Bool {
    isClosing = true
    return current != nil || outputCount > 0
  }

  func produce(into buffer: UnsafeMutableRawBufferPointer, at now: MonotonicInstant) -> Int? {
    self.now = now
    let count = output.take(into: buffer)
    // Requests may have waited for the output to go.
    if outputCount == 0, current == nil, !isClosing, parser.buffered > 0 { process() }
    return count
  }

  private func process() {
    do {
      while current == nil, !isClosing, outputCount < Self.outputBound, output.takesMore {
        let message = try parser.next()
        try charge(message?.request.body.count ?? parser.bodySize)
        guard let message else { break }
        requestBegan = nil
        try dispatch(message)
      }
      if parser.takeWantsContinue() { output.append(HTTP1Response.continueLine) }
      // What waits behind a response that is being sent is not late.
      if current == nil, output.takesMore, parser.isMidRequest { requestBegan = requestBegan ?? now }
    } catch {
      refuse(error)
    }
  }

  /// Counts the body, of which `size` bytes are here, against the budget.
  private func charge(_ size: Int) throws(HTTPRefusal) {
    let more = size - charged
    guard more > 0 else { return }
    guard context.budget.take(more) else { throw .busy }
    charged += more
  }

  private func dispatch(_ message: HTTP1Message) throws(HTTPRefusal) {
    exchanges += 1
    let number = exchanges
    var request = try context.decoded(message.request)
    request.peer = host?.peer
    current = Exchange(
      number: number, keepsAlive: message.keepsAlive, isHTTP10: message.isHTTP10, isHead: request.method == "HEAD")
    let peered = request
    switch context.handler {
    case .inline(let handle):
      respond(number, handle(peered))
    case .async(let handle):
      let me = LoopBound(self, to: context.loop)
      current?.task = Task(executorPreference: context.loop) {
        let response = await handle(peered)
        me.run { session in
          session.respond(number, response)
          session.process()
          session.host?.sessionHasOutput()
        }
      }
    }
  }

  private func respond(_ number: Int, _ response: HTTPResponse) {
    guard let exchange = current, exchange.number == number, !isGone else { return }
    let keepsAlive = exchange.keepsAlive && !isClosing && !isRetiring
    output.append(
      response, keepsAlive: keepsAlive, isHTTP10: exchange.isHTTP10, isHead: exchange.isHead, date: context.date())
    finishExchange()
    if !keepsAlive { isClosing = true }
  }

  private func finishExchange() {
    current = nil
    context.budget.giveBack(charged)
    charged = 0
  }

  private func refuse(_ refusal: HTTPRefusal) {
    output.append(refusal.response, keepsAlive: false, isHTTP10: false, isHead: false, date: context.date())
    finishExchange()
    requestBegan = nil
    isClosing = true
    wasRefused = true
  }

  func expire(at now: MonotonicInstant) {
    if let requestBegan, context.hasExpired(requestBegan, at: now) { refuse(.tooSlow) }
  }

  /// A connection that waits for its next request stays open: closed now, it could take a request with it that is on
  /// its way, and clients do not repeat a POST by themselves.
  func retire() {
    isRetiring = true
  }

  func drain() {
    isClosing = true
  }

  func connectionClosed() {
    isGone = true
    current?.task?.cancel()
    finishExchange()
  }
}
