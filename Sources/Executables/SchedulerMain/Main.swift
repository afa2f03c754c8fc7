import Scheduler
import ServiceShell

@main
struct SchedulerMain {
  static func main() async {
    await ServiceShell.run(name: "odigos-scheduler", summary: SchedulerComponent.summary) { shell in
      try await SchedulerComponent.run(shell)
    }
  }
}
