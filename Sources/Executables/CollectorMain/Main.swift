import Collector
import Glibc
import Logging

@main
struct CollectorMain {
  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    let task = Task {
      do {
        try await CollectorProgram.run(arguments: Array(CommandLine.arguments.dropFirst()), logger: Logger(label: "odigos-collector"))
      } catch { print(error); exit(1) }
    }
    var set = sigset_t(); sigemptyset(&set); sigaddset(&set, SIGTERM); sigaddset(&set, SIGINT)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let s2 = set
    Thread2.start(s2, task)
    await task.value
    exit(0)
  }
}
enum Thread2 {
  static func start(_ set: sigset_t, _ task: Task<Void, Never>) {
    Task.detached { while true { var ts = timespec(tv_sec: 0, tv_nsec: 0); var s = set; let r = sigtimedwait(&s, nil, &ts); if r > 0 { task.cancel(); return }; try? await Task.sleep(for: .milliseconds(100)) } }
  }
}
