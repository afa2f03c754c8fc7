/// A small generator with a seed, so that a failure can be repeated (xorshift64*).
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// Begins a sequence; `state` is not 0.
  public init(state: UInt64) { self.state = state }

  /// The next number.
  public mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }
}
