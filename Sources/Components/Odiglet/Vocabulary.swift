// The words of Odiglet that others rely on.
import Policy

/// Environment variables of the odiglet's process.
enum OdigletEnvironment {
  /// The node that it runs on.
  static let nodeName = "NODE_NAME"
  /// The node's address, by the downward API.
  static let nodeIP = "NODE_IP"
  /// Where the image has the agent files, default /instrumentations.
  static let agentsDirectory = "ODIGOS_AGENTS_DIR"
  /// Where the host's agent directory is mounted, default /var/odigos.
  static let hostDirectory = "ODIGOS_HOST_DIR"
  /// Where the host's process file system is mounted, default /proc.
  static let procDirectory = "ODIGOS_PROC_DIR"
  /// The container runtime's socket, as the node knows it (`NodePath.places`); without it the usual ones are tried.
  static let runtimeSocket = "CONTAINER_RUNTIME_SOCK"
  /// The namespace that it runs in.
  static let namespace = "CURRENT_NS"
  /// How many containers of a node may be instrumented at once through the device; by default 1024, and more on nodes
  /// of many pods.
  static let deviceCapacity = "ODIGOS_DEVICE_CAPACITY"
  /// Which resources of older generations are served beside the device: `all` (default), `none`, or names with commas
  /// between.
  static let deviceAliases = "ODIGOS_DEVICE_ALIASES"
  /// What is on, as names of `NodeFeature` with commas between.
  static let features = NodeFeature.variable
  /// The TCP port on which agents are served (OpAMP), default 4320.
  static let opAMPPort = "ODIGOS_OPAMP_PORT"
  /// Where the kubelet's and the device plugins' sockets are, default /var/lib/kubelet/device-plugins.
  static let devicePluginDirectory = "ODIGOS_DEVICE_PLUGIN_DIR"
}

/// Names under which the odiglet writes.
public enum OdigletName {
  /// Owns `status.runtimeDetailsByContainer` and the condition RuntimeDetection of InstrumentationConfigs.
  public static let fieldManager = "odiglet"
}

/// The condition of an InstrumentationConfig that says whether the languages of its containers are known.
public enum RuntimeDetectionCondition {
  /// Its type.
  public static let type = "RuntimeDetection"
  /// Every container that was seen has been inspected.
  public static let detected = "DetectedSuccessfully"
  /// A container has several languages; the first of the ranking was taken.
  public static let resolved = "ResolvedFromMultipleLanguages"
}

/// What `/readyz` names.
enum ReadinessCondition {
  static let agentFiles = "agent-files"
  static let devicePlugin = "device-plugin-registered"
  static let informers = "informers-synced"
}
