import Glibc
import Logging
import Testing

@testable import ServiceShell

struct JSONLogHandlerTests {
  /// The lines that `body` logs.
  private func lines(_ body: (inout Logger) -> Void) throws -> [String] {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let descriptor = ends[1]
    var logger = Logger(label: "odiglet") { JSONLogHandler(label: $0, level: .info, descriptor: descriptor) }
    body(&logger)
    close(ends[1])
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = read(ends[0], &buffer, buffer.count)
    close(ends[0])
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// What follows the time.
  private func withoutTime(_ line: String) -> Substring {
    line.dropFirst(#"{"time":"2026-11-21T10:00:00.000Z","#.count)
  }

  @Test func anEntryIsOneLineOfJSON() throws {
    let lines = try lines { logger in
      logger[metadataKey: "node"] = "n1"
      logger.info("a \"quoted\"\nmessage\u{01} ä\\", metadata: ["count": .stringConvertible(3), "level": "x"])
    }
    #expect(lines.count == 1)
    #expect(
      withoutTime(lines[0])
        == #""level":"info","logger":"odiglet","message":"a \"quoted\"\nmessage\u0001 ä\\","count":3,"level_":"x","node":"n1"}"#
    )
  }

  @Test func nestedMetadataStaysNested() throws {
    let lines = try lines { logger in
      logger.error("m", metadata: ["pods": ["a", "b"], "map": ["k": ["x": "y"]], "flag": .stringConvertible(true)])
    }
    #expect(withoutTime(lines[0]).hasSuffix(#""flag":true,"map":{"k":{"x":"y"}},"pods":["a","b"]}"#))
  }

  @Test func entriesBelowTheLevelAreLeftOut() throws {
    let lines = try lines { logger in
      logger.debug("no")
      logger.info("yes")
      logger.logLevel = .debug
      logger.debug("now")
    }
    #expect(lines.count == 2)
  }

  @Test func timesAreUTCToTheMillisecond() {
    #expect(LogLine.timestamp(seconds: 0, milliseconds: 7) == "1970-01-01T00:00:00.007Z")
    #expect(LogLine.timestamp(seconds: 1_709_210_096, milliseconds: 120) == "2024-02-29T12:34:56.120Z")
  }
}
