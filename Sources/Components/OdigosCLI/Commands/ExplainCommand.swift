import ArgumentParser
import Foundation
import JSON
import KubeClient
import KubeObjects
import Policy

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Explain step by step whether a pod or workload gets an agent, and what is done to its pods.",
    discussion: """
      With a cluster:     odigos explain deployment cart -n shop
      Without a cluster:  odigos explain -f pod.yaml -f source.yaml -f config.yaml --runtime app=python:3.12

      Files may hold pods, workloads, Namespaces, Sources, InstrumentationRules, Actions, InstrumentationConfigs, the
      CollectorsGroup odigos-data-collection, and the configuration (a ConfigMap, or the settings alone); also Lists
      of them, as kubectl writes them. docs/reasons.md has every code.
      """)

  enum Output: String, ExpressibleByArgument { case text, json }

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("One of \(KindArgument.names)."))
  var kind: String?

  @Argument(help: "Its name.")
  var name: String?

  @Option(name: .shortAndLong, help: "Its namespace (default: the file's, else default).")
  var namespace: String?

  @Option(name: .customShort("f"), help: "A file to explain instead of what a cluster has; may be repeated.")
  var files: [String] = []

  @Option(help: "What runs in a container, as CONTAINER=LANGUAGE or CONTAINER=LANGUAGE:VERSION; may be repeated.")
  var runtime: [String] = []

  @Option(name: .shortAndLong, help: "text or json.")
  var output = Output.text

  func run() async throws {
    let facts = files.isEmpty ? try await clusterFacts() : try fileFacts()
    let explanation = Explanation.make(facts)
    switch output {
    case .text: print(ExplanationReport(explanation: explanation).text)
    case .json: print(String(decoding: explanation.json.serialized(), as: UTF8.self))
    }
  }

  private func fileFacts() throws -> ExplanationFacts {
    guard kind == nil else {
      throw CommandFailure("-f and a name exclude each other", next: "give either the files or KIND NAME")
    }
    var gathered = ExplanationFiles()
    for path in files {
      let contents: Data
      do {
        contents =
          path == "-" ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(filePath: path))
      } catch {
        throw CommandFailure("\(path) cannot be read", next: "check the path")
      }
      try gathered.add(Array(contents), path: path)
    }
    return try gathered.facts(namespace: namespace, runtimes: try runtime.map(Self.runtimeFacts))
  }

  private func clusterFacts() async throws -> ExplanationFacts {
    guard let kind, let name else {
      throw CommandFailure("nothing to explain", next: "give KIND NAME, or files with -f")
    }
    let known = try KindArgument.parse(kind)
    let client = try global.connect()
    defer { client.shutdown() }
    let system = try await InstalledSystem.require(client)
    let query = ExplanationQuery(client: client, system: system.namespace)
    var facts = try await query.facts(known, ObjectKey(namespace: namespace ?? "default", name: name))
    for assumed in try runtime.map(Self.runtimeFacts) {
      facts.runtimeDetails.removeAll { $0.containerName == assumed.containerName }
      facts.runtimeDetails.append(assumed)
      facts.assumptions.append("\(assumed.containerName) runs \(assumed.language.rawValue) \(assumed.runtimeVersion).")
    }
    return facts
  }

  /// Reads `CONTAINER=LANGUAGE[:VERSION]`.
  static func runtimeFacts(_ text: String) throws -> RuntimeFacts {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let runtime = (parts.count == 2 ? parts[1] : "").split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty, let language = runtime.first.flatMap(ProgrammingLanguage.init(rawValue:))
    else {
      let languages = ProgrammingLanguage.allCases.map(\.rawValue).filter { $0 != "*" }.joined(separator: ", ")
      throw CommandFailure(
        "--runtime \(text) is not CONTAINER=LANGUAGE[:VERSION]", next: "give a language of \(languages)")
    }
    return RuntimeFacts(
      containerName: parts[0], language: language, runtimeVersion: runtime.count == 2 ? runtime[1] : "")
  }
}
