/// A value that only the thread of one loop may touch, carried through code that runs elsewhere.
public struct LoopBound<Value>: @unchecked Sendable {
  // Unchecked: `value` is handed out on the loop's thread only, which `value` verifies.
  private let wrapped: Value
  /// The loop on whose thread the value lives.
  public let loop: EventLoop

  /// Binds the value to the loop.
  public init(_ value: Value, to loop: EventLoop) {
    wrapped = value
    self.loop = loop
  }

  /// The value; only on the loop's thread.
  public var value: Value {
    precondition(loop.isCurrent, "a value of loop \(loop.name) was used on another thread")
    return wrapped
  }

  /// Runs `body` with the value on the loop's thread: at once when that is the present one, else soon.
  public func run(_ body: @escaping @Sendable (Value) -> Void) {
    if loop.isCurrent {
      body(wrapped)
    } else {
      loop.execute { body(wrapped) }
    }
  }
}
