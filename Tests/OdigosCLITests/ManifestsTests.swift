import JSON
import KubeObjects
import Policy
import Testing

@testable import OdigosCLI

@Suite struct ManifestsTests {
  private let values = ManifestValues(
    namespace: "somewhere", image: "registry/odigos:1", imagePullPolicy: "Never", version: "9.9.9")

  @Test func everyObjectIsLabelledAsOursAndFilledIn() throws {
    let objects = try Manifests().objects("", values)
    #expect(objects.count > 40)
    for object in objects {
      let name = "\(object.type.kind) \(object.metadata.name)"
      #expect(object.metadata.labels["odigos.io/system-object"] == "true", "\(name)")
      #expect(object.metadata.namespace == (object.type.isNamespaced ? "somewhere" : nil), "\(name)")
      #expect(!String(decoding: object.json.serialized(), as: UTF8.self).contains("${"), "\(name)")
    }
  }

  @Test func workloadsRunTheGivenImageWithLeastPrivilege() throws {
    let workloads = try Manifests().objects("deploy/components/", values).filter {
      [Deployment.type, DaemonSet.type].contains($0.type)
    }
    #expect(
      workloads.map(\.metadata.name).sorted() == [
        "odiglet", "odigos-autoscaler", "odigos-instrumentor", "odigos-scheduler",
      ])
    for workload in workloads {
      let containers = workload.json.at("spec", "template", "spec", "containers")?.array ?? []
      #expect(!containers.isEmpty)
      for container in containers {
        #expect(container["image"]?.string == "registry/odigos:1")
        #expect(container["imagePullPolicy"]?.string == "Never")
        let security = container["securityContext"]
        #expect(security?["allowPrivilegeEscalation"]?.bool == false)
        #expect(security?["privileged"] == nil)
        #expect(security?.at("capabilities", "drop")?.array == ["ALL"])
      }
    }
  }

  /// The node agent has what its features need, and nothing that would make it privileged.
  @Test(
    arguments: [
      (NodeFeature.standard, ["DAC_READ_SEARCH", "SYS_PTRACE"], "device-plugin,runtime-inspection"),
      ([.devicePlugin], [], "device-plugin"), ([], [], "none"),
      (
        Set(NodeFeature.allCases), ["DAC_READ_SEARCH", "PERFMON", "SYS_PTRACE"],
        "device-plugin,process-events,runtime-inspection"
      ),
    ] as [(Set<NodeFeature>, [String], String)])
  func nodeAgentHasTheCapabilitiesOfItsFeatures(
    features: Set<NodeFeature>, capabilities: [String], text: String
  ) throws {
    var values = values
    values.nodeFeatures = features
    let daemonSet = try #require(
      try Manifests().objects("deploy/components/odiglet", values).first { $0.type == DaemonSet.type })
    let pod = try #require(daemonSet.json.at("spec", "template", "spec"))
    #expect(pod.at("securityContext", "seccompProfile", "type")?.string == "RuntimeDefault")
    for name in ["hostNetwork", "hostIPC"] { #expect(pod[name] == nil) }
    let container = try #require(pod["containers"]?[0])
    #expect(container.at("securityContext", "readOnlyRootFilesystem")?.bool == true)
    #expect(
      container.at("securityContext", "capabilities", "add")?.array?.compactMap(\.string) ?? [] == capabilities)
    #expect(
      container["env"]?.array?.first { $0["name"]?.string == "ODIGOS_NODE_FEATURES" }?["value"]?.string == text)
    for container in pod["initContainers"]?.array ?? [] {
      #expect(container.at("securityContext", "capabilities", "add") == nil)
    }
  }

  /// The token of the service account is mounted at /var/run/secrets, and /var/run is a link to /run in most images: a
  /// read-only volume there, or above, would keep the container from starting.
  @Test func noVolumeIsInTheWayOfTheServiceAccount() throws {
    var places: [String] = []
    for object in try Manifests().objects("deploy/components/", values) {
      let pod = object.json.at("spec", "template", "spec")
      for container in (pod?["initContainers"]?.array ?? []) + (pod?["containers"]?.array ?? []) {
        places += container["volumeMounts"]?.array?.compactMap { $0["mountPath"]?.string } ?? []
      }
    }
    #expect(places.contains("/var/odigos") && places.contains("/host/run"))
    for place in places {
      let folder = place.hasSuffix("/") ? place : "\(place)/"
      for token in ["/run/secrets/", "/var/run/secrets/"] {
        #expect(!token.hasPrefix(folder) && !folder.hasPrefix(token), "\(place)")
      }
    }
  }

  /// Where the cluster's default is stricter, none of the node agent's pods would be made.
  @Test func theNamespaceAllowsWhatTheNodeAgentNeeds() throws {
    let namespace = try #require(try Manifests().objects("deploy/components/namespace.yaml", values).first)
    for mode in ["enforce", "audit", "warn"] {
      #expect(namespace.metadata.labels["pod-security.kubernetes.io/\(mode)"] == "privileged")
    }
  }

  @Test func podsFollowTheConfiguration() throws {
    let text: JSONValue = [
      "nodeSelector": ["pool": "apps", "kubernetes.io/os": "linux"], "imagePullSecrets": ["registry", "mirror"],
    ]
    let (configuration, problems) = OdigosConfiguration.parse(text)
    #expect(problems.isEmpty)
    for manifest in try Manifests().objects("deploy/components/", values) {
      let object = manifest.following(configuration)
      guard let pod = object.json.at("spec", "template", "spec") else {
        #expect(object.json == manifest.json, "\(object.metadata.name)")
        continue
      }
      #expect(pod["imagePullSecrets"] == [["name": "registry"], ["name": "mirror"]], "\(object.metadata.name)")
      let isNodeAgent = object.metadata.name == "odiglet"
      let selector: JSONValue = ["kubernetes.io/os": "linux"]
      #expect(
        pod["nodeSelector"] == (isNodeAgent ? ["kubernetes.io/os": "linux", "pool": "apps"] : selector),
        "\(object.metadata.name)")
      #expect(manifest.following(OdigosConfiguration()).json == manifest.json)
    }
  }

  @Test(
    arguments: [
      (1, 25, []), (1, 26, ["odiglet-local"]), (1, 29, ["odiglet-local"]),
      (1, 30, ["odiglet-local", "node-agent-policy"]), (2, 0, ["odiglet-local", "node-agent-policy"]),
    ] as [(Int, Int, [String])])
  func theNodeAgentComesWithWhatTheClusterCanHave(_ major: Int, _ minor: Int, _ components: [String]) throws {
    let parts = NodeAgentParts(major: major, minor: minor)
    #expect(parts.components == components)
    #expect(parts.hasService == components.contains("odiglet-local"))
    #expect(parts.hasAppArmorField == (major > 1 || minor >= 30))
    for name in components {
      #expect(try !Manifests().objects("deploy/components/\(name).yaml", values).isEmpty, "\(name)")
    }
  }

  @Test func theNodeAgentsPolicyIsAboutItsAccountAndBound() throws {
    let objects = try Manifests().objects("deploy/components/node-agent-policy.yaml", values)
    let policy = try #require(objects.first { $0.type == .admissionPolicy })
    let binding = try #require(objects.first { $0.type == .admissionPolicyBinding })
    #expect(binding.json.at("spec", "policyName")?.string == policy.metadata.name)
    #expect(binding.json.at("spec", "validationActions") == ["Deny"])
    let conditions = policy.json.at("spec", "matchConditions")?.array?.compactMap { $0["expression"]?.string } ?? []
    #expect(conditions.contains { $0.contains("'system:serviceaccount:somewhere:odiglet'") })
  }

  /// Who looks into other processes is not kept from it; clusters know one of the two forms.
  @Test(
    arguments: [
      (NodeFeature.standard, true, nil, "Unconfined"), (NodeFeature.standard, false, "unconfined", nil),
      ([.devicePlugin], true, nil, nil), ([.devicePlugin], false, nil, nil), ([], false, nil, nil),
    ] as [(Set<NodeFeature>, Bool, String?, String?)])
  func nodeAgentHasNoAppArmorProfileWhereItLooksIntoProcesses(
    features: Set<NodeFeature>, hasField: Bool, annotation: String?, field: String?
  ) throws {
    var values = values
    values.nodeFeatures = features
    values.hasAppArmorField = hasField
    for object in try Manifests().objects("deploy/components/", values) {
      let template = object.json.at("spec", "template")
      let isNodeAgent = object.type == DaemonSet.type
      let found = template?.at(
        "metadata", "annotations", "container.apparmor.security.beta.kubernetes.io/odiglet")
      #expect(found?.string == (isNodeAgent ? annotation : nil), "\(object.metadata.name)")
      for container in template?.at("spec", "containers")?.array ?? [] {
        let profile = container.at("securityContext", "appArmorProfile", "type")?.string
        #expect(profile == (isNodeAgent ? field : nil), "\(object.metadata.name)")
      }
      #expect(template?.at("spec", "initContainers")?[0]?.at("securityContext", "appArmorProfile") == nil)
    }
  }

  /// 0 is how Kubernetes writes none.
  @Test(arguments: [4320, 4321, 0]) func nodeAgentTakesThePortOfTheNodeThatIsGiven(_ port: Int) throws {
    var values = values
    values.opAMPHostPort = port
    let daemonSet = try #require(
      try Manifests().objects("deploy/components/odiglet", values).first { $0.type == DaemonSet.type })
    let ports = daemonSet.json.at("spec", "template", "spec", "containers")?[0]?["ports"]?.array ?? []
    let found = ports.first { $0["name"] == "opamp" }
    #expect(found?["hostPort"]?.int == port && found?["containerPort"] == 4320)
  }

  @Test(arguments: ["", "/var/snap/microk8s/common/run/containerd.sock"])
  func nodeAgentIsToldOfTheSocketThatIsConfigured(_ path: String) throws {
    var values = values
    values.runtimeSocket = path
    let daemonSet = try #require(
      try Manifests().objects("deploy/components/odiglet", values).first { $0.type == DaemonSet.type })
    let container = daemonSet.json.at("spec", "template", "spec", "containers")?[0]
    let variable = container?["env"]?.array?.first { $0["name"] == "CONTAINER_RUNTIME_SOCK" }
    #expect(variable?["value"]?.string == path)
  }

  @Test func webhookFailsOpenAndSparesSystemNamespaces() throws {
    let webhook = try #require(try Manifests().objects("webhook-config/", values).first?.json["webhooks"]?[0])
    #expect(webhook["failurePolicy"]?.string == "Ignore")
    #expect((webhook["timeoutSeconds"]?.int ?? .max) <= 5)
    let excluded = webhook.at("namespaceSelector", "matchExpressions")?.array?.flatMap { $0["values"]?.array ?? [] }
    #expect(excluded?.contains("kube-system") == true)
    #expect(excluded?.contains("somewhere") == true)
  }

  @Test func webhooksLeadToOneServiceAndNeverBlock() throws {
    let configurations = try Manifests().objects("webhook-config/", values)
    #expect(
      configurations.map(\.metadata.name).sorted() == [
        "odigos-action-validating-webhook-configuration", "odigos-pod-mutating-webhook-configuration",
        "odigos-source-mutating-webhook-configuration", "odigos-source-validating-webhook-configuration",
      ])
    for webhook in configurations.flatMap({ $0.json["webhooks"]?.array ?? [] }) {
      #expect(webhook.at("clientConfig", "service", "name") == "odigos-instrumentor")
      #expect(webhook.at("clientConfig", "service", "port") == 9443)
      #expect(webhook["failurePolicy"] == "Ignore")
      #expect(webhook["sideEffects"] == "None")
      #expect((webhook["timeoutSeconds"]?.int ?? .max) <= 5)
      #expect(webhook["admissionReviewVersions"] == ["v1"])
    }
  }

  @Test func olderClustersGetTheVersionThatTheyServe() throws {
    let budget = try #require(
      try Manifests().objects("deploy/components/", values).first { $0.type == .podDisruptionBudget })
    #expect(budget.json["apiVersion"] == "policy/v1")
    let older = ServedVersion.object(budget, try #require(ServedVersion.older[budget.type]))
    #expect(older.json["apiVersion"] == "policy/v1beta1")
    #expect(older.type.apiVersion == "policy/v1beta1" && older.type.plural == budget.type.plural)
    #expect(older.json["spec"] == budget.json["spec"])
  }

  @Test func noRoleMayReadSecretsOfTheWholeCluster() throws {
    for object in try Manifests().objects("deploy/components/", values) where object.type == .clusterRole {
      for rule in object.json["rules"]?.array ?? [] {
        #expect(rule["resources"]?.array?.contains("secrets") == false, "\(object.metadata.name)")
        #expect(rule["verbs"]?.array?.contains("*") == false, "\(object.metadata.name)")
      }
    }
  }
}
