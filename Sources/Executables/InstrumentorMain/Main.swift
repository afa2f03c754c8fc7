import Instrumentor
import ServiceShell

@main
struct InstrumentorMain {
  static func main() async {
    await ServiceShell.run(
      name: "odigos-instrumentor",
      summary: "Marks, enables and restarts workloads, and injects agents into their pods."
    ) { shell in
      try await Instrumentor.run(shell)
    }
  }
}
