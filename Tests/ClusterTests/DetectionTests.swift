import Foundation
import JSON
import Testing

/// What the node agent finds out about real containers.
///
/// The image of the demonstration has one language only. A copy of its Python under another name is taken for the
/// runtime of that name, so one image is enough for containers of several languages.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct DetectionTests {
  init() async throws {
    try await Installation.ensure()
  }

  private static let sleep = "import time; time.sleep(1e9)"

  /// Python's code for becoming a copy of Python under a name, which runs other code.
  private static func become(_ name: String, _ code: String) -> String {
    "import os, shutil; shutil.copy(os.path.realpath('/usr/bin/python3'), '/tmp/\(name)'); "
      + "os.execve('/tmp/\(name)', ['\(name)', '-c', \(quoted(code))], dict(os.environ, PYTHONHOME='/usr'))"
  }

  /// A text literal of Python.
  private static func quoted(_ code: String) -> String {
    "'\(code.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'"))'"
  }

  private func deploy(
    _ name: String, in namespace: String, _ code: String, variables: KeyValuePairs<String, String> = [:]
  ) async throws {
    let environment: [JSONValue] = variables.map { ["name": .string($0.key), "value": .string($0.value)] }
    try Cluster.apply([
      PythonDeployment(name: name, namespace: namespace, program: code, environment: environment).json
    ])
    try await Rollout.wait("deployment", name, in: namespace)
  }

  /// Waits until the container of a Deployment is said to be of a language, and the evidence has these texts.
  private func waitForDetails(
    _ name: String, in namespace: String, language: String, evidence: [String]
  ) async throws {
    let begin = ContinuousClock.now
    try await eventually("\(namespace)/\(name) is \(language)") {
      let config = try Cluster.get("instrumentationconfig", "deployment-\(name)", in: namespace)
      guard let details = config?.at("status", "runtimeDetailsByContainer")?[0] else { return "nothing is reported" }
      let lines = details["evidence"]?.array?.compactMap(\.string) ?? []
      let hasAll = evidence.allSatisfy { text in lines.contains { $0.contains(text) } }
      return details["language"]?.string == language && hasAll
        ? nil : "\(String(decoding: details.serialized(), as: UTF8.self))"
    }
    print("\(name) is \(language) after \(ContinuousClock.now - begin)")
  }

  /// Runs a body in a namespace of that name, which is opted in.
  private func inNamespace(_ name: String, _ body: (String) async throws -> Void) async throws {
    let home = BareNamespace(namespace: name)
    defer { home.remove() }
    try await home.create(labels: ["odigos-instrumentation": "enabled"])
    try await body(name)
  }

  @Test func containerOfTwoLanguagesIsThatOfTheListener() async throws {
    try await inNamespace("e2e-two-languages") { name in
      let server = "http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)"
      let code = "import http.server, os\nif os.fork() == 0: \(server)\n" + Self.become("node", Self.sleep)
      try await deploy("web", in: name, code)
      try await waitForDetails(
        "web", in: name, language: "python", evidence: ["listens on port 8080", "also javascript"])
      try await eventually("the condition") {
        let config = try Cluster.get("instrumentationconfig", "deployment-web", in: name)
        let conditions = config?.at("status", "conditions")?.array ?? []
        let detection = conditions.first { $0["type"]?.string == "RuntimeDetection" }
        return detection?["reason"]?.string == "ResolvedFromMultipleLanguages" ? nil : "\(conditions)"
      }
      let config = try #require(try Cluster.get("instrumentationconfig", "deployment-web", in: name))
      print(String(decoding: (config.at("status", "runtimeDetailsByContainer") ?? []).serialized(), as: UTF8.self))
      let description = try Cluster.odigos("describe", "source", "deployment", "web", "--namespace", name)
      #expect(description.contains("evidence: standing listening: listens on port 8080"))
      #expect(description.contains("evidence: also javascript"))
    }
  }

  @Test func scriptThatBecomesTheApplicationIsFoundOut() async throws {
    try await inNamespace("e2e-becomes") { name in
      // It goes on when it is told to, so that there is time for seeing it before.
      let later =
        "import os, time; [time.sleep(0.2) for _ in iter(lambda: os.path.exists('/tmp/go'), True)]; "
        + Self.become("ruby", Self.sleep)
      try await deploy("worker", in: name, Self.become("node", later))
      try await waitForDetails("worker", in: name, language: "javascript", evidence: ["executable /tmp/node"])
      // The image has no other program for that.
      try Cluster.kubectl(
        "exec", "-n", name, "deployment/worker", "--", "python3", "-S", "-c", "open('/tmp/go', 'w').close()")
      try await waitForDetails(
        "worker", in: name, language: "ruby", evidence: ["executable /tmp/ruby", "earlier javascript"])
    }
  }

  /// Waits until the variables and the agents of others that are recorded of a Deployment are these.
  private func waitForEnvironment(
    _ name: String, in namespace: String, pythonPath: String?, agents: [String]
  ) async throws {
    let begin = ContinuousClock.now
    try await eventually("\(namespace)/\(name) has \(pythonPath ?? "no path"), \(agents)") {
      let config = try Cluster.get("instrumentationconfig", "deployment-\(name)", in: namespace)
      guard let details = config?.at("status", "runtimeDetailsByContainer")?[0] else { return "nothing is reported" }
      let path = details["envVars"]?.array?.first { $0["name"]?.string == "PYTHONPATH" }?["value"]?.string
      let found = details["otherAgents"]?.array?.compactMap { $0["name"]?.string } ?? []
      return path == pythonPath && found == agents && details["language"]?.string == "python"
        ? nil : "\(String(decoding: details.serialized(), as: UTF8.self))"
    }
    print("\(name) has \(pythonPath ?? "no path"), \(agents) after \(ContinuousClock.now - begin)")
  }

  /// The image and the command stay the same, only the Deployment's template sets other variables.
  @Test func changedVariablesOfTheSameProgramAreDetectedAnew() async throws {
    try await inNamespace("e2e-environment") { name in
      try await deploy("worker", in: name, Self.sleep, variables: ["PYTHONPATH": "/opt/one"])
      try await waitForEnvironment("worker", in: name, pythonPath: "/opt/one", agents: [])
      try await deploy(
        "worker", in: name, Self.sleep,
        variables: ["PYTHONPATH": "/opt/two", "DD_TRACE_AGENT_URL": "http://agent:8126"])
      try await waitForEnvironment("worker", in: name, pythonPath: "/opt/two", agents: ["Datadog Agent"])
      try await deploy("worker", in: name, Self.sleep)
      try await waitForEnvironment("worker", in: name, pythonPath: nil, agents: [])
    }
  }

  /// Its containers are gone before it would be decided whether what they show is more than a script at the start.
  @Test func aJobThatEndsAtOnceIsDetected() async throws {
    try await inNamespace("e2e-short") { name in
      let pod = PythonDeployment(name: "tick", namespace: name, program: "import time; time.sleep(1)").json
      var template = pod.at("spec", "template") ?? [:]
      template.set(["spec", "restartPolicy"], "Never")
      // Both interfaces to CronJobs: the older one serves Kubernetes before 1.21.
      let isOld = try Cluster.kubectl("api-versions").split(separator: "\n").contains("batch/v1beta1")
      try Cluster.apply([
        [
          "apiVersion": .string(isOld ? "batch/v1beta1" : "batch/v1"), "kind": "CronJob",
          "metadata": ["name": "tick", "namespace": .string(name)],
          "spec": ["schedule": "* * * * *", "jobTemplate": ["spec": ["template": template]]],
        ]
      ])
      try await eventually("the CronJob is of Python", within: .seconds(900)) {
        let config = try Cluster.get("instrumentationconfig", "cronjob-tick", in: name)
        guard let details = config?.at("status", "runtimeDetailsByContainer")?[0] else { return "nothing is reported" }
        print(String(decoding: details.serialized(), as: UTF8.self))
        return details["language"]?.string == "python" && details["criErrorMessage"] == nil ? nil : "\(details)"
      }
    }
  }

  @Test func changedCommandOfTheSameImageIsDetectedAnew() async throws {
    try await inNamespace("e2e-command") { name in
      try await deploy("worker", in: name, Self.become("ruby", Self.sleep))
      try await waitForDetails("worker", in: name, language: "ruby", evidence: ["executable /tmp/ruby"])
      try await deploy("worker", in: name, Self.become("php", Self.sleep))
      try await waitForDetails("worker", in: name, language: "php", evidence: ["executable /tmp/php"])
      let config = try Cluster.get("instrumentationconfig", "deployment-worker", in: name)
      let evidence =
        config?.at("status", "runtimeDetailsByContainer")?[0]?["evidence"]?.array?.compactMap(\.string) ?? []
      #expect(!evidence.contains { $0.hasPrefix("also ") }, "\(evidence)")
    }
  }
}
