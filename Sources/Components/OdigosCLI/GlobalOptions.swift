import ArgumentParser
import Foundation
import JSON
import KubeClient
import KubeObjects
import OdigosObjects

/// Which cluster a command speaks to.
struct GlobalOptions: ParsableArguments {
  @Option(help: "Path of the kubeconfig file (default: KUBECONFIG, then ~/.kube/config, then the pod's own account).")
  var kubeconfig: String?

  @Option(help: "Context of the kubeconfig file.")
  var kubeContext: String?

  @Flag(name: .shortAndLong, help: "Say on standard error which cluster is spoken to, and by which configuration.")
  var verbose = false

  func connect() throws -> KubeClient {
    do {
      let client = try KubeClient.connect(kubeconfig: kubeconfig, context: kubeContext)
      if verbose {
        let line = "cluster \(client.access.server) (\(client.access.origin))\n"
        FileHandle.standardError.write(Data(line.utf8))
      }
      return client
    } catch {
      throw CommandFailure(
        "cannot connect to a cluster: \(error)", next: "give --kubeconfig FILE, or set KUBECONFIG")
    }
  }
}

/// A failure that a person can act on.
struct CommandFailure: Error, CustomStringConvertible {
  var description: String

  init(_ what: String, next: String) { description = "\(what)\n  next: \(next)" }
}

/// Where the system is installed.
struct InstalledSystem {
  /// Its namespace.
  var namespace: String

  /// Finds it by its `odigos-deployment` ConfigMap, as any of its versions leaves one.
  static func find(_ client: KubeClient) async throws -> InstalledSystem? {
    let options = ListOptions(
      labelSelector: "odigos.io/system-object=true", fieldSelector: "metadata.name=odigos-deployment")
    let found = try await client.list(ConfigMap.self, options)
    return found.first.flatMap { $0.namespace.map(InstalledSystem.init(namespace:)) }
  }

  /// The version that its installer has noted; nil where there is none.
  func version(_ client: KubeClient) async throws -> String? {
    let key = ObjectKey(namespace: namespace, name: "odigos-deployment")
    return try await client.get(ConfigMap.self, key)?.json.at("data", "ODIGOS_VERSION")?.string
  }

  /// Finds it or says how to install it.
  static func require(_ client: KubeClient) async throws -> InstalledSystem {
    guard let system = try await find(client) else {
      throw CommandFailure("Odigos is not installed in this cluster", next: "run `odigos install`")
    }
    return system
  }
}
