import CText

/// Where the strings of a text begin and end and what in them needs a look, in the order of the text. They are found
/// piece by piece ahead of the parser, which so needs not wait for the end of one string to learn where the next is.
struct JSONMarks: ~Copyable {
  private let text: UnsafeBufferPointer<UInt8>
  private let memory: UnsafeMutablePointer<UInt32>
  private var state = ctext_state()
  private var searched = 0

  /// Stands behind the last mark that was found so far.
  static let stop = UInt32.max

  /// Searches `text`, which must outlive the marks.
  init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    memory = .allocate(capacity: Int(CTEXT_CHUNK) + 16)
    memory[0] = Self.stop
  }

  deinit { memory.deallocate() }

  /// Where the marks are read from at the beginning.
  var first: UnsafePointer<UInt32> { UnsafePointer(memory) }

  /// Whether there were bytes beside ASCII in what has been searched; in all of the text, once that was read.
  var hasHighBytes: Bool { state.high != 0 }

  /// Finds the next marks, at least one, and puts a stop behind them. At the end of the text that is the mark.
  @inline(never)
  mutating func search() -> UnsafePointer<UInt32> {
    var count = 0
    while count == 0, searched < text.count {
      count = ctext_find_marks(&state, text.baseAddress, searched, text.count, memory)
      searched += Int(CTEXT_CHUNK)
    }
    if count == 0 {
      memory[0] = UInt32(truncatingIfNeeded: text.count)
      count = 1
    }
    memory[count] = Self.stop
    return UnsafePointer(memory)
  }
}
