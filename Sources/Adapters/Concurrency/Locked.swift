import Glibc

/// A value behind a POSIX mutex.
///
/// `pthread_mutex` and not `Synchronization.Mutex`: the thread sanitizer does not see the futex under the latter on
/// Linux and reports races that are none. The lock is held only while `body` runs; never call out or wait in it.
public final class Locked<Value>: @unchecked Sendable {
  // Unchecked: `value` is touched only between lock and unlock of `mutex`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  /// Makes the lock around its first value.
  public init(_ value: consuming sending Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` with the value while no other thread does.
  public func withLock<Result, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
