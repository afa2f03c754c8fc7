import Foundation
import JSON
import Testing

/// What the agents of real processes say of themselves, and what they are told.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct InstrumentationInstanceTests {
  init() async throws {
    try await Installation.ensure()
  }

  private static func instances(_ application: PlainApplication, of pod: String? = nil) throws -> [JSONValue] {
    try application.instances(of: pod)
  }

  private static func healthy(_ application: PlainApplication, of pod: String) throws -> [JSONValue] {
    try instances(application, of: pod).filter { $0.at("status", "healthy")?.bool == true }
  }

  private static func healthyInstance(_ application: PlainApplication, of pod: String) async throws -> JSONValue {
    var found: JSONValue?
    try await eventually("a healthy instance") {
      found = try healthy(application, of: pod).first
      return found == nil ? "\(try instances(application))" : nil
    }
    return try #require(found)
  }

  /// The id on this machine of the process that an instance is of.
  private static func pid(_ instance: JSONValue) throws -> Int32 {
    let name = try #require(instance.at("metadata", "name")?.string)
    return try #require(name.split(separator: "-").last.flatMap { Int32($0) })
  }

  @Test func processesAreKnownWhileTheyRun() async throws {
    let application = PlainApplication(namespace: "e2e-opamp", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    let pod = try await application.deployInstrumented()
    let instance = try await Self.healthyInstance(application, of: pod)
    #expect(instance.at("spec", "containerName") == "app")
    #expect(instance.at("metadata", "labels", "instrumented-app") == "deployment-web")
    #expect(instance.at("metadata", "labels", "ownerPodName")?.string == pod)
    try await eventually("the library that it found") {
      let components = try Self.instances(application, of: pod).first?.at("status", "components")?.array ?? []
      return components.contains { $0["name"] == "opentelemetry.instrumentation.flask" } ? nil : "\(components)"
    }
    let attributes = instance.at("status", "identifyingAttributes")?.array ?? []
    #expect(attributes.contains(["key": "telemetry.sdk.language", "value": "python"]))
    try await eventually("the description") {
      let text = try Cluster.odigos("describe", "source", "deployment", "web", "-n", application.namespace)
      return text.contains("agent \(instance.at("metadata", "name")?.string ?? "?") in app: healthy") ? nil : text
    }

    // It hangs: the truth is to be known within ten seconds, and a second for the API.
    let pid = try Self.pid(instance)
    defer { kill(pid, SIGCONT) }
    let stopped = ContinuousClock.now
    #expect(kill(pid, SIGSTOP) == 0)
    try await eventually("an unhealthy instance") {
      let status = try Self.instances(application, of: pod).first?["status"]
      let isTold = status?["healthy"]?.bool == false && status?["reason"] == "NoConnectionToOpAMPServer"
      return isTold ? nil : "\(status ?? "no instance")"
    }
    print("hanging process to unhealthy instance: \(ContinuousClock.now - stopped)")
    #expect(kill(pid, SIGCONT) == 0)
    try await eventually("a healthy instance again") {
      try Self.healthy(application, of: pod).isEmpty ? "unhealthy" : nil
    }

    // It is killed: its object goes, and the one of its successor comes.
    let killed = ContinuousClock.now
    #expect(kill(pid, SIGKILL) == 0)
    let name = instance.at("metadata", "name")?.string ?? ""
    try await eventually("no instance of the process") {
      try Cluster.exists("instrumentationinstance", name, in: application.namespace) ? "still there" : nil
    }
    print("killed process to no instance: \(ContinuousClock.now - killed)")
    _ = try await Self.healthyInstance(application, of: pod)
  }

  @Test func instancesOutliveANodeAgentButNotTheirProcesses() async throws {
    let application = PlainApplication(namespace: "e2e-opamp-restart", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    let pod = try await application.deployInstrumented()
    let instance = try await Self.healthyInstance(application, of: pod)
    let name = try #require(instance.at("metadata", "name")?.string)
    let uid = instance.at("metadata", "uid")?.string
    // One of a process that ended while nobody looked: an id above what Linux gives.
    var left = instance
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
      left.set(["metadata", field], nil)
    }
    left.set(["metadata", "name"], .string("\(pod)-4194305"))
    try Cluster.apply(String(decoding: left.serialized(), as: UTF8.self))
    PodEnd.keepLogs(of: "odiglet")
    try Cluster.kubectl("rollout", "restart", "daemonset/odiglet", "-n", Cluster.systemNamespace)
    try await Rollout.wait("daemonset", "odiglet", in: Cluster.systemNamespace)
    try await eventually("only the process that runs has an instance") {
      let names = try Self.instances(application, of: pod).compactMap { $0.at("metadata", "name")?.string }
      return names == [name] ? nil : "\(names)"
    }
    let after = try #require(try Cluster.get("instrumentationinstance", name, in: application.namespace))
    #expect(after.at("metadata", "uid")?.string == uid)
    try await eventually("a healthy instance") {
      try Self.healthy(application, of: pod).isEmpty ? "\(try Self.instances(application))" : nil
    }
  }

  @Test func aRuleReachesRunningAgents() async throws {
    let application = PlainApplication(namespace: "e2e-opamp-rule", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    let pod = try await application.deployInstrumented()
    try await eventually("an agent that has its configuration") { try Self.configuration(application, of: pod).missing }
    let before = try Self.configuration(application, of: pod).hash
    defer { Self.removeRule("e2e-opamp") }
    try Cluster.apply(
      """
      apiVersion: odigos.io/v1alpha1
      kind: InstrumentationRule
      metadata: {name: e2e-opamp, namespace: \(Cluster.systemNamespace)}
      spec:
        ruleName: a part of the traces, without those of urllib
        workloads: [{namespace: \(application.namespace), kind: Deployment, name: web}]
        headSamplingFallbackFraction: {fractionToKeep: 0.25}
        traceVerbosity:
          disabledLibraries: [{Language: python, libraryName: opentelemetry.instrumentation.urllib}]
      """)
    let changed = ContinuousClock.now
    var hash: String?
    try await eventually("the agent does what the rule says") {
      let now = try Self.configuration(application, of: pod)
      hash = now.hash
      if now.effective?.at("traces", "fallbackFraction")?.double != 0.25 { return "\(now)" }
      return now.effective?.at("traces", "disabledLibraries") == ["opentelemetry.instrumentation.urllib"]
        ? now.missing : "\(now)"
    }
    print("rule to running agent: \(ContinuousClock.now - changed)")
    #expect(hash != before)
    #expect(try application.podName("web") == pod, "no restart")
    #expect(try application.pods("web").first?.at("status", "containerStatuses")?[0]?["restartCount"] == 0)
  }

  @Test func aRuleChangesWhatSpansOfRunningProcessesSay() async throws {
    let application = PlainApplication(namespace: "e2e-opamp-headers", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
    let pod = try application.podName("web")
    try await eventually("an agent that has its configuration") { try Self.configuration(application, of: pod).missing }
    defer { Self.removeRule("e2e-opamp-headers") }
    try Cluster.apply(
      """
      apiVersion: odigos.io/v1alpha1
      kind: InstrumentationRule
      metadata: {name: e2e-opamp-headers, namespace: \(Cluster.systemNamespace)}
      spec:
        ruleName: what requests say
        workloads: [{namespace: \(application.namespace), kind: Deployment, name: web}]
        headersCollection: {headerKeys: [User-Agent, Content-Type]}
        payloadCollection: {httpResponse: {maxPayloadLength: 64}, messaging: {}}
        codeAttributes: {function: true}
      """)
    let (began, changed) = (Self.now, ContinuousClock.now)
    try await eventually("the agent does what the rule says") {
      let traces = try Self.configuration(application, of: pod).effective?["traces"]
      let keys: JSONValue = ["content-type", "user-agent"]
      return traces?.at("headersCollection", "headerKeys") == keys ? nil : "\(traces ?? .null)"
    }
    print("rule of headers to running agent: \(ContinuousClock.now - changed)")
    try await eventually("spans with headers, a body and code") {
      let spans = try TraceSink.spans(namespace: application.namespace).filter { $0.service == "web" }
      let served = spans.filter {
        $0.attributes["http.request.header.user-agent"]?.first?.hasPrefix("Python-urllib") == true
          && $0.attributes["http.response.payload"] == ["ok"]
          && $0.attributes["http.response.header.content-type"]?.first?.hasPrefix("text/html") == true
      }
      let made = spans.filter { $0.attributes["code.function.name"] == ["__main__.index"] }
      if let first = served.map(\.start).min(), !made.isEmpty {
        print("rule of headers to the first span that has them: \(Double(first - began) / 1e9) s")
        return nil
      }
      return "\(spans.last.map { "\($0.attributes)" } ?? "no span")"
    }
    try await eventually("what is not carried out") {
      let text = try Cluster.odigos("describe", "source", "deployment", "web", "-n", application.namespace)
      return text.contains("python-community does not carry out: payloadCollection.messaging.") ? nil : text
    }

    Self.removeRule("e2e-opamp-headers")
    try await eventually("the agent goes without") {
      let traces = try Self.configuration(application, of: pod).effective?["traces"]
      return traces?["headersCollection"] == nil ? nil : "\(traces ?? .null)"
    }
    let gone = Self.now
    try await eventually("spans without headers") {
      let later = try TraceSink.spans(namespace: application.namespace).filter {
        $0.service == "web" && $0.start > gone
      }
      let names = Set(later.flatMap(\.attributes.keys))
      #expect(!names.contains("http.request.header.user-agent") && !names.contains("http.response.payload"))
      return later.isEmpty ? "no span yet" : nil
    }
    #expect(try application.podName("web") == pod, "no restart")
    #expect(try application.pods("web").first?.at("status", "containerStatuses")?[0]?["restartCount"] == 0)
  }

  private static var now: Int { Int(Date().timeIntervalSince1970 * 1e9) }

  private static func removeRule(_ name: String) {
    try? Cluster.delete("instrumentationrule", name, in: Cluster.systemNamespace)
  }

  private static func configuration(_ application: PlainApplication, of pod: String) throws -> AgentConfiguration {
    try AgentConfiguration(of: try application.instances(of: pod).first)
  }
}
