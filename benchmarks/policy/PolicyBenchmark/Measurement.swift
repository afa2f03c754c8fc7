import CAllocationCount
import Glibc

/// What one decision costs.
struct Measurement {
  /// Nanoseconds of CPU time, of the quickest of several rounds.
  var nanoseconds: Double
  /// Pieces of memory that malloc was asked for.
  var allocations: Double

  /// Measures `body`, which makes `count` decisions and gives something that depends on all of them.
  static func of(_ count: Int, _ body: () -> Int) -> Measurement {
    var best = Double.infinity
    var allocations = 0.0
    for _ in 0..<7 {
      var repetitions = 0
      let allocated = allocation_count()
      let start = cpuTime()
      var elapsed = 0.0
      repeat {
        // So that the optimiser cannot leave out what nobody looks at.
        if body() == Int.min { print("impossible") }
        repetitions += 1
        elapsed = cpuTime() - start
      } while elapsed < 0.15e9
      best = min(best, elapsed / Double(repetitions * count))
      allocations = Double(allocation_count() - allocated) / Double(repetitions * count)
    }
    return Measurement(nanoseconds: best, allocations: allocations)
  }

  /// Nanoseconds of CPU time of this thread, so that others on the machine count little.
  private static func cpuTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
