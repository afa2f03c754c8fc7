import Glibc
import Odiglet
import ProcessInspection

/// What runtime detection costs on this machine, for benchmarks/node/detection/run:
///
///     DetectionBenchmark scan CONTAINERS       inspects every container twice: with nothing known, and again
///     DetectionBenchmark idle CONTAINERS SECONDS MODE   watches them; MODE is polling or events
///
/// CONTAINERS is a file with the id of one container in each line. Prints names and numbers; times are CPU time of this
/// process in microseconds.
@main
enum DetectionBenchmark {
  static func main() async {
    let arguments = CommandLine.arguments
    guard arguments.count > 2, let ids = lines(arguments[2]) else { return fail("usage: see the benchmark's run") }
    if arguments[1] == "scan" {
      scan(ids)
    } else if arguments.count > 4, let seconds = Int(arguments[3]) {
      await idle(Set(ids), seconds, withEvents: arguments[4] == "events")
    } else {
      fail("usage: see the benchmark's run")
    }
  }

  private static func scan(_ ids: [String]) {
    let tree = ProcessTree()
    let processes = NodeProcesses(tree: tree)
    for (round, name) in ["cold", "warm"].enumerated() {
      let start = cpuTime
      var count = 0
      var languages: [String: Int] = [:]
      for id in ids {
        let key = ContainerKey(id: id)
        let listed = processes.listed(in: key, now: .seconds(round * 10), freshness: .seconds(1))
        let inspection = tree.inspect(listed, of: key)
        count += inspection.processCount
        languages[inspection.runtime?.language.rawValue ?? "unknown", default: 0] += 1
      }
      print("\(name) \(cpuTime - start) processes \(count)")
      guard name == "warm" else { continue }
      for (language, count) in languages.sorted(by: { $0.key < $1.key }) { print("language \(language) \(count)") }
    }
    print("rss \(residentKilobytes)")
  }

  private static func idle(_ ids: Set<String>, _ seconds: Int, withEvents: Bool) async {
    var events: ExecEvents?
    if withEvents {
      do throws(ExecEventsError) { events = try ExecEvents() } catch { return fail(error.description) }
    }
    let processes = NodeProcesses(tree: ProcessTree())
    // The first look reads everything and is no idling.
    _ = processes.changes(in: ids, now: .seconds(-60))
    _ = processes.changes(in: ids, now: .seconds(-30))
    let start = cpuTime
    let watch = ProcessWatch(processes: processes, events: events)
    let task = Task { await watch.run(watched: { ids }, isWatched: ids.contains, changed: { _ in }) }
    try? await Task.sleep(for: .seconds(seconds))
    let used = cpuTime - start
    task.cancel()
    await task.value
    print("idle \(used) seconds \(seconds) processes \(processes.count)")
  }

  private static var cpuTime: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func microseconds(_ time: timeval) -> Int { Int(time.tv_sec) * 1_000_000 + Int(time.tv_usec) }
    return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
  }

  private static var residentKilobytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
  }

  private static func lines(_ path: String) -> [String]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var result: [String] = []
    var buffer = [CChar](repeating: 0, count: 4096)
    while fgets(&buffer, Int32(buffer.count), file) != nil {
      let text = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
      result.append(String(decoding: text, as: UTF8.self))
    }
    return result
  }

  private static func fail(_ message: String) {
    print("failed: \(message)")
    exit(1)
  }
}
