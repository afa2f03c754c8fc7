import Autoscaler
import ServiceShell

@main
struct AutoscalerMain {
  static func main() async {
    await ServiceShell.run(name: "odigos-autoscaler", summary: AutoscalerComponent.summary) { shell in
      try await AutoscalerComponent.run(shell)
    }
  }
}
