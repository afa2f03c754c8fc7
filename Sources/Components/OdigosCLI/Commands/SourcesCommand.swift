import ArgumentParser
import KubeClient
import OdigosObjects

struct SourcesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sources", abstract: "Opt namespaces and workloads in and out.",
    subcommands: [
      SourcesEnableCommand.self, SourcesDisableCommand.self, SourcesStatusCommand.self, SourcesCreateCommand.self,
      SourcesUpdateCommand.self, SourcesDeleteCommand.self,
    ])
}

struct SourcesEnableCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable", abstract: "Instrument a workload or a namespace.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var target: SourceTarget

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    try await target.set(disabled: false, client)
  }
}

struct SourcesDisableCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Do not instrument a workload or a namespace.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var target: SourceTarget

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    try await target.set(disabled: true, client)
  }
}

struct SourcesStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print what is instrumented and what stands in the way.")

  @OptionGroup var global: GlobalOptions

  @Flag(help: "Only those with an error.")
  var error = false

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    _ = try await InstalledSystem.require(client)
    for config in try await client.list(InstrumentationConfig.self) {
      let condition = config.status.conditions.condition("AgentEnabled")
      let healthy = condition?.status == ConditionStatus.yes.rawValue
      if error && healthy { continue }
      print("\(config.key)  \(condition?.reason ?? "Waiting")  \(condition?.message ?? "")")
    }
  }
}
