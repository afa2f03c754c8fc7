import ArgumentParser
import JSON
import Policy
import YAML

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show or change the configuration.",
    subcommands: [ConfigSetCommand.self, ConfigShowCommand.self])
}

struct ConfigShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Print the configuration.")

  @OptionGroup var global: GlobalOptions

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let system = try await InstalledSystem.require(client)
    let store = ConfigurationStore(client: client, namespace: system.namespace)
    print(YAML.serialize(try await store.read()), terminator: "")
  }
}

struct ConfigSetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set a property of the configuration.",
    discussion: """
      Lists take several values: odigos config set ignored-containers istio-proxy vault-agent
      PROPERTY is one of these, or the key itself, such as rollout.maxConcurrentRollouts:

      \(ConfigurationProperty.help)
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: "The property.")
  var property: String

  @Argument(parsing: .remaining, help: "Its value, or values of a list; none empties a list.")
  var values: [String] = []

  func run() async throws {
    guard let known = ConfigurationProperty.named(property) else {
      throw CommandFailure(
        "unknown property \(property)", next: "give one of those that `odigos config set --help` lists")
    }
    let value = try known.parse(values)
    let client = try global.connect()
    defer { client.shutdown() }
    let system = try await InstalledSystem.require(client)
    let progress = Progress()
    try await progress.step("Setting \(property)") {
      try await ConfigurationStore(client: client, namespace: system.namespace).change([(known.path, value)])
    }
    if !known.key.hasEffect { progress.note("it is kept and handed on, but nothing in this version acts on it yet") }
  }
}
