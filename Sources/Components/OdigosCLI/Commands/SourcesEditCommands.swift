import ArgumentParser
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

struct SourcesCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a Source.")

  @OptionGroup var global: GlobalOptions

  @Argument(help: "The name of the Source.")
  var name: String

  @Option(help: ArgumentHelp("Kind of what it is about: one of \(KindArgument.names), or namespace."))
  var workloadKind: String

  @Option(help: "Its name.")
  var workloadName: String

  @Option(help: "Its namespace (default: --namespace).")
  var workloadNamespace: String?

  @Option(name: .shortAndLong, help: "Namespace of the Source, which must be the workload's (default: default).")
  var namespace: String?

  @Option(help: "Data stream that it belongs to.")
  var group = "default"

  @Flag(help: "Opt out instead of in.")
  var disableInstrumentation = false

  @Option(help: "The service name in telemetry.")
  var otelService: String?

  func run() async throws {
    let source = try source()
    let client = try global.connect()
    defer { client.shutdown() }
    _ = try await InstalledSystem.require(client)
    _ = try await client.create(Source.type, source.json)
    print("\u{2714} Source \(source.key) is made")
  }

  /// The Source as it is wanted.
  func source() throws(CommandFailure) -> Source {
    let isNamespace = ["namespace", "ns"].contains(workloadKind.lowercased())
    let place = namespace ?? workloadNamespace ?? (isNamespace ? workloadName : "default")
    if let workloadNamespace, workloadNamespace != place {
      throw CommandFailure(
        "a Source in namespace \(place) cannot be about something in \(workloadNamespace)",
        next: "give --namespace \(workloadNamespace)")
    }
    if isNamespace, place != workloadName {
      throw CommandFailure(
        "the Source of namespace \(workloadName) must be in it", next: "give --namespace \(workloadName)")
    }
    let subject: SourceSubject =
      isNamespace
      ? .namespace(workloadName)
      : .workload(
        WorkloadReference(namespace: place, kind: try KindArgument.parse(workloadKind), name: workloadName))
    var source = subject.source(named: name, stream: group)
    source.json.set(["spec", "disableInstrumentation"], .bool(disableInstrumentation))
    if let otelService { source.json.set(["spec", "otelServiceName"], .string(otelService)) }
    return source
  }
}

struct SourcesUpdateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "update", abstract: "Change Sources.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var filter: SourceFilter

  @Flag(inversion: .prefixedNo, help: "Opt out, or in again.")
  var disableInstrumentation: Bool?

  @Option(help: "The service name in telemetry.")
  var otelService: String?

  @Option(help: "Put them into this data stream.")
  var setGroup: String?

  @Option(help: "Take them out of this data stream.")
  var removeGroup: String?

  func run() async throws {
    let patch = patch
    guard patch.object?.isEmpty == false else {
      throw CommandFailure("nothing to change", next: "see `odigos sources update --help`")
    }
    let client = try global.connect()
    defer { client.shutdown() }
    try await filter.forEach("Change", client) { source in
      _ = try await client.patch(Source.type, source.key, .merge, patch, fieldManager: Installer.fieldManager)
    }
  }

  /// What changes, as a merge patch.
  var patch: JSONValue {
    var patch: JSONValue = [:]
    if let disableInstrumentation { patch.set(["spec", "disableInstrumentation"], .bool(disableInstrumentation)) }
    if let otelService { patch.set(["spec", "otelServiceName"], .string(otelService)) }
    func set(_ stream: String, _ value: JSONValue) {
      patch.set(["metadata", "labels", OdigosLabel.dataStreamPrefix + stream], value)
    }
    if let setGroup { set(setGroup, "true") }
    if let removeGroup { set(removeGroup, .null) }
    return patch
  }
}

struct SourcesDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "delete", abstract: "Delete Sources.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var filter: SourceFilter

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    try await filter.forEach("Delete", client) { try await client.delete(Source.type, $0.key) }
  }
}
