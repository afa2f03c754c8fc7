import ArgumentParser
import KubeClient
import OdigosObjects
import Policy

/// Which Sources a command is about; everything that is given must hold.
struct SourceFilter: ParsableArguments {
  @Argument(help: "The name of the Source (default: all that the options select).")
  var name: String?

  @Option(help: "Only those about this kind.")
  var workloadKind: String?

  @Option(help: "Only those about something of this name.")
  var workloadName: String?

  @Option(help: "Only those about something in this namespace.")
  var workloadNamespace: String?

  @Option(help: "Only those of this data stream.")
  var group: String?

  @Option(name: .shortAndLong, help: "Namespace of the Sources.")
  var namespace = "default"

  @Flag(help: "Sources of every namespace.")
  var allNamespaces = false

  @Flag(name: .shortAndLong, help: "Do not ask.")
  var yes = false

  /// Whether a Source is selected.
  func selects(_ source: Source) -> Bool {
    let workload = source.spec.workload
    let stream = group.map { OdigosLabel.dataStreamPrefix + $0 }
    let kind = workloadKind.map { ((try? KindArgument.parse($0))?.rawValue ?? $0).lowercased() }
    return (name == nil || source.name == name) && (workloadName == nil || workload?.name == workloadName)
      && (kind == nil || workload?.kind?.lowercased() == kind)
      && (workloadNamespace == nil || (workload?.namespace ?? source.namespace) == workloadNamespace)
      && (stream.map { source.metadata.labels[$0] == "true" } ?? true)
  }

  /// Does something to every Source that is selected, once that is confirmed.
  func forEach(_ verb: String, _ client: KubeClient, _ body: (Source) async throws -> Void) async throws {
    _ = try await InstalledSystem.require(client)
    let sources = try await client.list(Source.self, namespace: allNamespaces ? nil : namespace).filter(selects)
    guard !sources.isEmpty else {
      throw CommandFailure("no Source is selected", next: "check --namespace and what else is given")
    }
    for source in sources {
      print("\(source.key): \(source.spec.workload?.kind ?? "?") \(source.spec.workload?.name ?? "?")")
    }
    guard try Confirmation.ask("\(verb) \(sources.count == 1 ? "this Source" : "these Sources")?", isGiven: yes) else {
      return
    }
    var attempts = Attempts()
    for source in sources {
      await attempts.make("Source \(source.key)") {
        try await body(source)
        print("\u{2714} Source \(source.key)")
      }
    }
    try attempts.end()
  }
}
