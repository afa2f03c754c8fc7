import EventLoop
import Glibc
import Logging
import Testing

@testable import ServiceShell

/// A pipe whose reading end does not wait.
private final class LogPipe: Sendable {
  let input: Int32
  let output: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    (input, output) = (ends[0], ends[1])
    try #require(fcntl(input, F_SETFL, O_NONBLOCK) == 0)
  }

  deinit {
    close(input)
    close(output)
  }

  /// What was written in one piece or several since the last time.
  func pieces() -> [String] {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(input, &buffer, buffer.count)
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

@Suite struct LineLogTests {
  private let pipe: LogPipe
  private let loop: EventLoop
  private let log: LineLog

  init() throws {
    pipe = try LogPipe()
    loop = try EventLoop(name: "log")
    let logger = Logger(label: "instrumentor") { JSONLogHandler(label: $0, level: .info) }
    log = LineLog(beside: logger, loop: loop, descriptor: pipe.output)
  }

  private static let rest =
    #""level":"info","logger":"instrumentor","message":"pod reviewed","detail":"a \"word\"\n","namespace":"shop"}"#

  private static func write(_ log: LineLog) {
    let (detail, namespace) = ("a \"word\"\n", "shop")
    log.write(.info, "pod reviewed") { line in
      line.add("detail", detail)
      line.add("namespace", namespace)
    }
  }

  @Test func writesTheLinesOfTheLogger() throws {
    let other = try LogPipe()
    JSONLogHandler(label: "instrumentor", level: .info, descriptor: other.output).write(
      .info, "pod reviewed", ["namespace": "shop", "detail": "a \"word\"\n"])
    Self.write(log)
    let time = #"{"time":"2026-11-21T10:00:00.000Z","#.count
    #expect(pipe.pieces().map { String($0.dropFirst(time)) } == [Self.rest])
    #expect(other.pieces().map { String($0.dropFirst(time)) } == [Self.rest])
    loop.shutdown()
  }

  @Test func keepsTheLinesOfATurnUntilItEnds() {
    let (log, pipe) = (log, pipe)
    let during = loop.sync {
      for _ in 0..<3 { Self.write(log) }
      return pipe.pieces().count
    }
    #expect(during == 0)
    // What comes after the turn can only run when the turn is over.
    #expect(loop.sync { pipe.pieces().count } == 3)
    #expect(loop.sync { pipe.pieces().count } == 0)
    loop.shutdown()
  }

  @Test func writesNoMoreAtOnceThanAPipeTakesInOnePiece() {
    let (log, pipe) = (log, pipe)
    let during = loop.sync {
      for _ in 0..<100 { Self.write(log) }
      return pipe.pieces()
    }
    let after = loop.sync { pipe.pieces() }
    #expect(!during.isEmpty)
    #expect(during.count + after.count == 100)
    for line in during + after { #expect(line.hasSuffix(Self.rest)) }
    loop.shutdown()
  }

  @Test func leavesOutWhatTheLevelDoesNotWant() {
    log.write(.debug, "pod reviewed") { _ in }
    #expect(pipe.pieces().isEmpty)
    loop.shutdown()
  }

  @Test(arguments: [(0, 7), (0, 999), (1_709_210_096, 120), (1_709_210_097, 0), (1_709_210_096, 45)])
  func itsClockSaysWhatTheLoggersSays(_ seconds: Int, _ milliseconds: Int) {
    var clock = LogClock()
    for (seconds, milliseconds) in [(seconds, 0), (seconds, milliseconds), (seconds + 1, milliseconds)] {
      #expect(
        clock.timestamp(seconds: seconds, milliseconds: milliseconds)
          == LogLine.timestamp(seconds: seconds, milliseconds: milliseconds))
    }
  }
}
