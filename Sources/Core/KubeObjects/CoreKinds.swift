import JSON

// Thin views; each owner of a field adds its accessor beside it.

/// A Pod (core/v1).
public struct Pod: KubeResource {
  /// Pods of core/v1.
  public static let type = ResourceType(group: "", version: "v1", kind: "Pod", plural: "pods")
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Namespace (core/v1).
public struct Namespace: KubeResource {
  /// Namespace objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Node (core/v1).
public struct Node: KubeResource {
  /// Node objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "Node", plural: "nodes", isNamespaced: false)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A ConfigMap (core/v1).
public struct ConfigMap: KubeResource {
  /// ConfigMap objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Secret (core/v1).
public struct Secret: KubeResource {
  /// Secret objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "Secret", plural: "secrets", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Service (core/v1).
public struct Service: KubeResource {
  /// Service objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "Service", plural: "services", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A ServiceAccount (core/v1).
public struct ServiceAccount: KubeResource {
  /// ServiceAccount objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Event (core/v1).
public struct Event: KubeResource {
  /// Event objects of core/v1.
  public static let type = ResourceType(
    group: "", version: "v1", kind: "Event", plural: "events", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Deployment (apps/v1).
public struct Deployment: KubeResource {
  /// Deployment objects of apps/v1.
  public static let type = ResourceType(
    group: "apps", version: "v1", kind: "Deployment", plural: "deployments", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A StatefulSet (apps/v1).
public struct StatefulSet: KubeResource {
  /// StatefulSet objects of apps/v1.
  public static let type = ResourceType(
    group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A DaemonSet (apps/v1).
public struct DaemonSet: KubeResource {
  /// DaemonSet objects of apps/v1.
  public static let type = ResourceType(
    group: "apps", version: "v1", kind: "DaemonSet", plural: "daemonsets", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A ReplicaSet (apps/v1).
public struct ReplicaSet: KubeResource {
  /// ReplicaSet objects of apps/v1.
  public static let type = ResourceType(
    group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Job (batch/v1).
public struct Job: KubeResource {
  /// Job objects of batch/v1.
  public static let type = ResourceType(
    group: "batch", version: "v1", kind: "Job", plural: "jobs", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A CronJob (batch/v1).
public struct CronJob: KubeResource {
  /// CronJob objects of batch/v1.
  public static let type = ResourceType(
    group: "batch", version: "v1", kind: "CronJob", plural: "cronjobs", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Lease (coordination.k8s.io/v1).
public struct Lease: KubeResource {
  /// Lease objects of coordination.k8s.io/v1.
  public static let type = ResourceType(
    group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A MutatingWebhookConfiguration (admissionregistration.k8s.io/v1).
public struct MutatingWebhookConfiguration: KubeResource {
  /// MutatingWebhookConfiguration objects of admissionregistration.k8s.io/v1.
  public static let type = ResourceType(
    group: "admissionregistration.k8s.io", version: "v1", kind: "MutatingWebhookConfiguration",
    plural: "mutatingwebhookconfigurations", isNamespaced: false)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1).
public struct ValidatingWebhookConfiguration: KubeResource {
  /// ValidatingWebhookConfiguration objects of admissionregistration.k8s.io/v1.
  public static let type = ResourceType(
    group: "admissionregistration.k8s.io", version: "v1", kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations", isNamespaced: false)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A CustomResourceDefinition (apiextensions.k8s.io/v1).
public struct CustomResourceDefinition: KubeResource {
  /// CustomResourceDefinition objects of apiextensions.k8s.io/v1.
  public static let type = ResourceType(
    group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition", plural: "customresourcedefinitions",
    isNamespaced: false)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}
