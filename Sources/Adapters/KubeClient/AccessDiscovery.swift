import Glibc
import HTTPClient
import JSON
import YAML

/// Finds out how to reach a cluster from files and the environment.
struct AccessDiscovery {
  var environment: (String) -> String?
  var serviceAccountDirectory = Vocabulary.serviceAccountDirectory

  /// Of this process.
  init() {
    environment = { name in getenv(name).map { String(cString: $0) } }
  }

  /// The named kubeconfig, else `KUBECONFIG`, else `~/.kube/config` where it exists, else the pod's service account.
  func access(kubeconfig: String?, context: String?) throws(KubeError) -> ClusterAccess {
    if let kubeconfig { return try fromFiles([kubeconfig], context: context) }
    if let list = environment(Vocabulary.kubeconfig), !list.isEmpty {
      // As kubectl: files of the list that do not exist are passed over.
      let named = list.split(separator: ":").map(String.init)
      let present = named.filter { access($0, R_OK) }
      return try fromFiles(present.isEmpty ? named : present, context: context)
    }
    let home = environment("HOME").map { "\($0)/.kube/config" }
    if let home, access(home, R_OK) { return try fromFiles([home], context: context) }
    if let host = environment(Vocabulary.serviceHost), !host.isEmpty { return try inCluster(host: host) }
    let place = home ?? "~/.kube/config"
    throw .configuration(
      "no cluster is configured: KUBECONFIG is not set, \(place) does not exist, and this is no pod of a cluster")
  }

  private func access(_ path: String, _ mode: Int32) -> Bool { Glibc.access(path, mode) == 0 }

  private func fromFiles(_ files: [String], context: String?) throws(KubeError) -> ClusterAccess {
    var kubeconfig = Kubeconfig()
    for file in files {
      let text = try SmallFile.read(file)
      let document: JSONValue
      do { document = try YAML.parse(text) } catch { throw .configuration("\(file): \(error.description)") }
      try kubeconfig.add(document, file: file)
    }
    return try kubeconfig.access(context: context, readFile: SmallFile.read)
  }

  private func inCluster(host: String) throws(KubeError) -> ClusterAccess {
    let port = environment(Vocabulary.servicePort) ?? "443"
    let token = "\(serviceAccountDirectory)/token"
    let authorities = "\(serviceAccountDirectory)/ca.crt"
    guard access(token, R_OK) else {
      throw .configuration(
        "this pod has no service account token at \(token): is automountServiceAccountToken set to false?")
    }
    let namespace = try? SmallFile.read("\(serviceAccountDirectory)/namespace")
    var result = ClusterAccess(
      server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)", credential: .tokenFile(token),
      namespace: namespace.map { String(decoding: $0, as: UTF8.self) } ?? "default",
      origin: "the service account of this pod")
    result.tls.certificateAuthorityPEM = try SmallFile.read(authorities)
    result.certificateAuthorityFile = authorities
    return result
  }
}

/// Files of configuration and credentials: small, and read whole.
enum SmallFile {
  private static let maximumSize = 16 << 20

  /// What tells one content of a file from the next without reading it (kubelets swap a symbolic link).
  struct Signature: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int
    var seconds: Int
    var nanoseconds: Int
  }

  static func signature(_ path: String) -> Signature? {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    return Signature(
      device: UInt64(info.st_dev), inode: UInt64(info.st_ino), size: Int(info.st_size),
      seconds: Int(info.st_mtim.tv_sec), nanoseconds: Int(info.st_mtim.tv_nsec))
  }

  static func read(_ path: String) throws(KubeError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .configuration("cannot read \(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .configuration("cannot read \(path): \(String(cString: strerror(errno)))") }
      if count == 0 { return content }
      content.append(contentsOf: buffer[..<count])
      guard content.count <= maximumSize else { throw .configuration("\(path) is over \(maximumSize) bytes") }
    }
  }
}
