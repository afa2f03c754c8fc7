import JSON

/// Why the container runtime could not say which variables an image sets.
public struct ContainerRuntimeError: Error, Sendable, CustomStringConvertible {
  /// What failed and why.
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// What a container runtime says about a container's environment.
///
/// The information of the image is the best source. That of the container says what the runtime starts it with, in
/// which what the kubelet asks for hides what the image sets.
struct ContainerEnvironment: Sendable, Hashable {
  /// Every variable that the runtime starts the container with; of an image, what it sets.
  var all: [String: String]
  /// The names of those that the kubelet asked for; nil where the runtime does not tell. None of an image.
  var requestedNames: Set<String>?

  /// Where our files are in containers.
  private static let ownPrefix = "/var/odigos/"

  /// The variables that the image sets: neither the kubelet asked for them nor are they in the pod's manifest. Throws
  /// where that cannot be told: what `envFrom` gives would be taken for the image's, and an image's variable to which
  /// ours is appended for none.
  func fromImage(manifestNames: Set<String>) throws(ContainerRuntimeError) -> [CapturedVariable: String] {
    guard let requestedNames else {
      throw ContainerRuntimeError(
        "its information tells neither what its image sets nor what the kubelet asked for, so the image's variables "
          + "cannot be told from others")
    }
    let others = manifestNames.union(requestedNames)
    let hidden = captured.filter { others.contains($0.key.rawValue) && $0.value.hasBytes(Self.ownPrefix) }
    guard hidden.isEmpty else {
      let names = hidden.keys.map(\.rawValue).sorted().joined(separator: ", ")
      throw ContainerRuntimeError(
        "its image has no information, and the container's hides what the image sets: our agent is in \(names)")
    }
    return captured.filter { !others.contains($0.key.rawValue) }
  }

  /// Those of all that matter to agents.
  var captured: [CapturedVariable: String] {
    var found: [CapturedVariable: String] = [:]
    for variable in CapturedVariable.allCases { found[variable] = all[variable.rawValue] }
    return found
  }
}

extension ContainerEnvironment {
  /// Reads the JSON text of containerd and CRI-O: `runtimeSpec` is the OCI specification of the container, `config`
  /// (containerd) what the kubelet asked for.
  init(verboseInformation text: String) throws {
    let information = try JSONValue(parsing: text)
    guard let variables = information.at("runtimeSpec", "process", "env")?.array else {
      throw ContainerRuntimeError("its information has no runtimeSpec.process.env")
    }
    all = Self.parsed(variables)
    // No variable asked for leaves `envs` out.
    requestedNames = information["config"]?.object.map { config in
      Set((config["envs"]?.array ?? []).compactMap { $0["key"]?.string })
    }
  }

  /// Reads the JSON text that containerd, CRI-O and cri-dockerd give for an image: `imageSpec` is its OCI configuration.
  init(imageInformation text: String) throws {
    let information = try JSONValue(parsing: text)
    guard let configuration = information.at("imageSpec", "config"), configuration.object != nil else {
      throw ContainerRuntimeError("its information has no imageSpec.config")
    }
    all = Self.parsed(configuration["Env"]?.array ?? [])
    requestedNames = []
  }

  private static func parsed(_ variables: [JSONValue]) -> [String: String] {
    var result: [String: String] = [:]
    for variable in variables.compactMap(\.string) {
      guard let equals = variable.firstIndex(of: "=") else { continue }
      result[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
    }
    return result
  }
}
