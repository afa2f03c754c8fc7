import Concurrency
import EventLoop
import Glibc
import Logging

/// A log for lines that are written thousands of times a second: the same lines as the logger's, but put together in
/// memory that is used again, and written together with the others of the loop's turn.
///
/// Lines of the loop's thread are written before the loop sleeps or ends; those of other threads at once.
public final class LineLog: TurnObserver, Sendable {
  private struct State: Sendable {
    var pending: [UInt8] = []
    var isAwaitingTurnEnd = false
    var clock = LogClock()
  }
  private let label: String
  private let level: Logger.Level
  private let loop: EventLoop
  private let descriptor: Int32
  private let state = Locked(State())

  /// As much as a pipe takes in one piece (PIPE_BUF), so that lines of other threads do not cut ours.
  private static let largestWrite = 4096

  /// A log beside `logger`: with its label and its level.
  public init(beside logger: Logger, loop: EventLoop, descriptor: Int32 = 2) {
    label = logger.label
    level = logger.logLevel
    self.loop = loop
    self.descriptor = descriptor
  }

  /// Writes a line when its level is wanted.
  public func write(_ level: Logger.Level, _ message: String, _ addFields: (inout LogLine) -> Void) {
    guard level >= self.level else { return }
    let awaitsTurnEnd = loop.isCurrent
    let observes = state.withLock { state in
      append(level, message, addFields, to: &state)
      if !awaitsTurnEnd {
        flush(&state)
        return false
      }
      defer { state.isAwaitingTurnEnd = true }
      return !state.isAwaitingTurnEnd
    }
    if observes { loop.atTurnEnd(self) }
  }

  /// The turn is over: writes its lines.
  public func turnEnded() {
    state.withLock { state in
      state.isAwaitingTurnEnd = false
      flush(&state)
    }
  }

  private func append(
    _ level: Logger.Level, _ message: String, _ addFields: (inout LogLine) -> Void, to state: inout State
  ) {
    let start = state.pending.count
    var line = LogLine(after: Self.taken(&state.pending))
    line.add("time", state.clock.current().span)
    line.add("level", level.rawValue)
    line.add("logger", label)
    line.add("message", message)
    addFields(&line)
    state.pending = line.finished()
    guard start > 0, state.pending.count > Self.largestWrite else { return }
    LogDescriptor.write(state.pending.span.extracting(..<start), to: descriptor)
    state.pending.removeFirst(start)
  }

  /// The bytes, so that nobody else holds them while they are added to.
  private static func taken(_ bytes: inout [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    swap(&result, &bytes)
    return result
  }

  private func flush(_ state: inout State) {
    LogDescriptor.write(state.pending.span, to: descriptor)
    state.pending.removeAll(keepingCapacity: true)
  }
}

/// The present as a text, of which all but the milliseconds is made once a second.
struct LogClock: Sendable {
  private var second: time_t = -1
  private var text: [UInt8] = []

  /// The present in UTC, as UTF-8.
  mutating func current() -> [UInt8] {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return text(seconds: now.tv_sec, milliseconds: now.tv_nsec / 1_000_000)
  }

  mutating func timestamp(seconds: time_t, milliseconds: Int) -> String {
    String(decoding: text(seconds: seconds, milliseconds: milliseconds), as: UTF8.self)
  }

  private mutating func text(seconds: time_t, milliseconds: Int) -> [UInt8] {
    if seconds != second {
      second = seconds
      text = Array(LogLine.timestamp(seconds: seconds, milliseconds: 0).utf8)
    }
    let place = text.count - 4
    text[place] = UInt8(0x30 + milliseconds / 100)
    text[place + 1] = UInt8(0x30 + milliseconds / 10 % 10)
    text[place + 2] = UInt8(0x30 + milliseconds % 10)
    return text
  }
}
