import Collector
import Glibc
import ServiceShell

@main
struct CollectorMain {
  static func main() async {
    // The configuration has ports of its own for health and metrics; the admin port must not be in their way.
    setenv("ODIGOS_ADMIN_PORT", "0", 0)
    await ServiceShell.run(
      name: "odigos-collector", summary: CollectorProgram.summary, options: CollectorProgram.options
    ) { shell in
      try await CollectorProgram.run(shell, arguments: Array(CommandLine.arguments.dropFirst()))
    }
  }
}
