import Glibc
import Odiglet
import ServiceShell

@main
struct OdigletMain {
  static func main() async {
    if let status = OdigletCommand(Array(CommandLine.arguments.dropFirst())).run() { exit(status) }
    await ServiceShell.run(
      name: "odiglet",
      summary:
        "The node agent: device plugin, process inspection and OpAMP server. `odiglet init` installs the agent files, "
        + "`odiglet copy` copies them into a pod's volume, `odiglet cleanup` removes them. docs/operating.md has "
        + "the variables that set what it does (ODIGOS_NODE_FEATURES, ODIGOS_DEVICE_ALIASES, ODIGOS_OPAMP_PORT, ...)."
    ) { shell in
      try await Odiglet.run(shell)
    }
  }
}
