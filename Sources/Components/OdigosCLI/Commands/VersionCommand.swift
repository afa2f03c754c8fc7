import ArgumentParser
import OdigosObjects

struct VersionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version of this program and of the installed system.")

  @OptionGroup var global: GlobalOptions

  @Flag(help: "Only the version of this program.")
  var cli = false

  @Flag(help: "Only the version in the cluster.")
  var cluster = false

  func run() async throws {
    if cli {
      print(Release.version)
      return
    }
    if !cluster { print("odigos CLI version: \(Release.version)") }
    let client = try global.connect()
    defer { client.shutdown() }
    guard let system = try await InstalledSystem.find(client) else {
      if cluster { throw CommandFailure("Odigos is not installed in this cluster", next: "run `odigos install`") }
      print("odigos cluster version: not installed")
      return
    }
    let version = try await system.version(client) ?? "unknown"
    print(cluster ? version : "odigos cluster version: \(version) (namespace \(system.namespace))")
  }
}
