import ArgumentParser
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

struct DescribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Explain the state of the system or of a workload.",
    subcommands: [DescribeSystemCommand.self, DescribeSourceCommand.self],
    defaultSubcommand: DescribeSystemCommand.self)
}

struct DescribeSystemCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "odigos", abstract: "The system as a whole.")

  @OptionGroup var global: GlobalOptions

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let system = try await InstalledSystem.require(client)
    let version = try await client.serverVersion()
    print(
      "Odigos \(try await system.version(client) ?? "of unknown version") in namespace \(system.namespace), Kubernetes \(version.gitVersion)"
    )
    print("Sources: \(try await client.list(Source.self).count)")
    print("Instrumented workloads: \(try await client.list(InstrumentationConfig.self).count)")
    let destinations = try await client.list(Destination.self, namespace: system.namespace)
    print("Destinations: \(destinations.count)")
    for destination in destinations {
      let condition = destination.status.conditions.condition("DestinationConfigured")
      print(
        "  \(destination.name) (\(destination.spec.type ?? "?")): \(condition?.reason ?? "waiting") \(condition?.message ?? "")"
      )
    }
    for group in try await client.list(CollectorsGroup.self, namespace: system.namespace) {
      print("Collectors \(group.name): \(group.status.ready == true ? "ready" : "not ready")")
    }
    print("Agents:")
    for line in NodeAgents.lines(try? await NodeAgents.groups(client)) { print("  \(line)") }
    for (type, name) in [
      (DaemonSet.type, "odiglet"), (Deployment.type, "odigos-instrumentor"), (Deployment.type, "odigos-scheduler"),
      (Deployment.type, "odigos-autoscaler"),
    ] {
      let object = try? await client.get(type, ObjectKey(namespace: system.namespace, name: name))
      print("\(type.kind) \(name): \(object.map { Readiness.missing($0) ?? "ready" } ?? "missing")")
    }
  }
}

struct DescribeSourceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "source", abstract: "Whether a workload is instrumented, how, and why.")

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("One of \(KindArgument.names)."))
  var kind: String

  @Argument(help: "Its name.")
  var name: String

  @Option(name: .shortAndLong, help: "Its namespace.")
  var namespace = "default"

  func run() async throws {
    let kind = try KindArgument.parse(kind)
    let type = kind.servedType
    let client = try global.connect()
    defer { client.shutdown() }
    _ = try await InstalledSystem.require(client)
    let key = ObjectKey(namespace: namespace, name: name)
    let workload: JSONValue
    do { workload = try await client.get(type, key) } catch {
      guard error.isNotFound else { throw error }
      throw CommandFailure("there is no \(kind.rawValue) \(key)", next: "check --namespace and the name")
    }
    let configKey = ObjectKey(namespace: namespace, name: "\(kind.lowercased)-\(name)")
    let config = try await client.get(InstrumentationConfig.self, configKey)
    let sources = try await client.list(Source.self, namespace: namespace)
    let selector = (workload.at("spec", "selector", "matchLabels")?.object ?? [:])
      .compactMap { pair in pair.value.string.map { "\(pair.key)=\($0)" } }.joined(separator: ",")
    let pods =
      kind.isSinglePod
      ? [Pod(json: workload)]
      : selector.isEmpty
        ? [] : try await client.list(Pod.self, namespace: namespace, ListOptions(labelSelector: selector))
    var report = SourceReport(kind: kind, key: key, config: config, sources: sources, pods: pods, workload: workload)
    if config != nil { report.instances = try await client.list(InstrumentationInstance.self, namespace: namespace) }
    print(report.text)
  }
}
