/// Something to run on the loop's thread at a time, until cancelled.
public final class LoopTimer {
  let deadline: MonotonicInstant
  let body: () -> Void
  /// Where the timer stands in the heap; -1 when it has run or been cancelled.
  var index = -1

  init(deadline: MonotonicInstant, body: @escaping () -> Void) {
    self.deadline = deadline
    self.body = body
  }
}

/// Timers ordered by their deadlines: a binary heap whose members know their place, so that a cancelled one leaves at
/// once instead of staying until a deadline that may be an hour away.
struct TimerHeap {
  private var timers: [LoopTimer] = []

  var next: MonotonicInstant? { timers.first?.deadline }

  mutating func insert(_ timer: LoopTimer) {
    timer.index = timers.count
    timers.append(timer)
    moveUp(timer.index)
  }

  mutating func remove(_ timer: LoopTimer) {
    let place = timer.index
    guard place >= 0 else { return }
    timer.index = -1
    let last = timers.removeLast()
    guard place < timers.count else { return }
    timers[place] = last
    last.index = place
    moveUp(place)
    moveDown(last.index)
  }

  /// Takes the first timer whose deadline is not after `now`.
  mutating func popDue(_ now: MonotonicInstant) -> LoopTimer? {
    guard let first = timers.first, first.deadline <= now else { return nil }
    remove(first)
    return first
  }

  private mutating func moveUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard timers[child].deadline < timers[parent].deadline else { return }
      exchange(child, parent)
      child = parent
    }
  }

  private mutating func moveDown(_ start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < timers.count && timers[child].deadline < timers[least].deadline { least = child }
      guard least != parent else { return }
      exchange(parent, least)
      parent = least
    }
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    timers.swapAt(left, right)
    timers[left].index = left
    timers[right].index = right
  }
}
