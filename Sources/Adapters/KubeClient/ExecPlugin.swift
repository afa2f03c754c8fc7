import HTTPClient
import JSON

/// A program that gives out credentials (client.authentication.k8s.io v1 and v1beta1).
public struct ExecPlugin: Sendable, Equatable {
  /// The program: a path, or a name that is looked up in PATH.
  public var command: String
  /// Its arguments.
  public var arguments: [String]
  /// Variables beside those of this process.
  public var environment: [String: String]
  /// The version of the credential that it writes.
  public var apiVersion: String
  /// Whether it may ask the user on the terminal.
  public var mayInteract: Bool
  /// How to get the program, for the message when it is not there.
  public var installHint: String
  /// What it is told of the cluster, where it asks for that.
  var clusterInfo: JSONValue?

  /// From `exec` of a user in a kubeconfig in `directory`; `place` names it in errors.
  init(_ value: JSONValue, directory: String, place: String, cluster: JSONValue) throws(KubeError) {
    guard let command = value["command"]?.string, !command.isEmpty else {
      throw .configuration("\(place): `exec.command` is missing")
    }
    let version = value["apiVersion"]?.string ?? ""
    guard Vocabulary.execVersions.contains(version) else {
      throw .configuration(
        "\(place): `exec.apiVersion` is \"\(version)\"; supported are "
          + Vocabulary.execVersions.joined(separator: " and "))
    }
    // As kubectl: a path with a slash is meant from the kubeconfig, a bare name from PATH.
    self.command = command.contains("/") ? Kubeconfig.absolute(command, directory) : command
    arguments = value["args"]?.array?.compactMap(\.string) ?? []
    environment = [:]
    for variable in value["env"]?.array ?? [] {
      if let name = variable["name"]?.string { environment[name] = variable["value"]?.string ?? "" }
    }
    apiVersion = version
    mayInteract = value["interactiveMode"]?.string != "Never"
    installHint = value["installHint"]?.string ?? ""
    if value["provideClusterInfo"]?.bool == true { clusterInfo = cluster }
  }

  /// `spec.cluster` of what the program is told.
  static func cluster(server: String, tls: HTTPClientTLS, entry: JSONValue) -> JSONValue {
    var cluster: JSONValue = ["server": .string(server)]
    if let name = tls.serverName { cluster["tls-server-name"] = .string(name) }
    if tls.skipsVerification { cluster["insecure-skip-tls-verify"] = true }
    if let authorities = tls.certificateAuthorityPEM {
      cluster["certificate-authority-data"] = .string(Base64.encode(authorities))
    }
    let extensions = entry["extensions"]?.array ?? []
    let own = extensions.first { $0["name"]?.string == "\(Vocabulary.execGroup)/exec" }
    if let config = own?["extension"] { cluster["config"] = config }
    return cluster
  }

  /// The value of KUBERNETES_EXEC_INFO.
  func info(isInteractive: Bool) -> String {
    var spec: JSONValue = ["interactive": .bool(isInteractive)]
    if let clusterInfo { spec["cluster"] = clusterInfo }
    let info: JSONValue = ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": spec]
    return String(decoding: info.serialized(), as: UTF8.self)
  }

  /// Reads what the program wrote.
  func credential(_ output: [UInt8]) throws(KubeError) -> ExecCredential {
    let value: JSONValue
    do { value = try JSONValue(parsing: output) } catch {
      throw .configuration("the credential plugin \(command) did not write an ExecCredential: \(error)")
    }
    guard value["kind"]?.string == "ExecCredential" else {
      throw .configuration("the credential plugin \(command) did not write an ExecCredential")
    }
    let version = value["apiVersion"]?.string ?? ""
    guard version == apiVersion else {
      throw .configuration("the credential plugin \(command) wrote \"\(version)\" instead of \"\(apiVersion)\"")
    }
    var credential = ExecCredential()
    credential.token = value.at("status", "token")?.string.flatMap { $0.isEmpty ? nil : $0 }
    credential.clientCertificatePEM = value.at("status", "clientCertificateData")?.string.map { Array($0.utf8) }
    credential.clientKeyPEM = value.at("status", "clientKeyData")?.string.map { Array($0.utf8) }
    if let text = value.at("status", "expirationTimestamp")?.string {
      guard let time = KubeTime(text) else {
        throw .configuration("the credential plugin \(command): `status.expirationTimestamp` \"\(text)\" is no time")
      }
      credential.expires = time
    }
    guard (credential.clientCertificatePEM == nil) == (credential.clientKeyPEM == nil) else {
      throw .configuration("the credential plugin \(command) gave one of client certificate and key, but not both")
    }
    guard credential.token != nil || credential.clientCertificatePEM != nil else {
      throw .configuration("the credential plugin \(command) gave neither a token nor a certificate")
    }
    return credential
  }
}

/// What an exec plugin gave out.
struct ExecCredential: Sendable, Equatable {
  var token: String?
  var clientCertificatePEM: [UInt8]?
  var clientKeyPEM: [UInt8]?
  /// When it is no longer good; nil for "as long as the process lives".
  var expires: KubeTime?
}
