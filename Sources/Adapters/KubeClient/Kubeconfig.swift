import HTTPClient
import JSON

/// One or several kubeconfig files, merged as kubectl does: the first definition of a name wins.
struct Kubeconfig {
  private struct Entry {
    var value: JSONValue
    /// Relative paths in the entry are meant from here.
    var directory: String
    var file: String
  }
  private var clusters: [String: Entry] = [:]
  private var users: [String: Entry] = [:]
  private var contexts: [String: Entry] = [:]
  private var currentContext: String?
  private(set) var files: [String] = []

  /// Adds the parsed text of a file.
  mutating func add(_ document: JSONValue, file: String) throws(KubeError) {
    guard document.isNull || document.object != nil else { throw .configuration("\(file) is not a kubeconfig") }
    files.append(file)
    let directory = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    if currentContext == nil, let name = document["current-context"]?.string, !name.isEmpty { currentContext = name }
    func merge(_ list: String, _ field: String, into entries: inout [String: Entry]) throws(KubeError) {
      for (index, element) in (document[list]?.array ?? []).enumerated() {
        guard let name = element["name"]?.string else {
          throw .configuration("\(file): \(list)[\(index)].name is missing")
        }
        guard entries[name] == nil else { continue }
        entries[name] = Entry(value: element[field] ?? [:], directory: directory, file: file)
      }
    }
    try merge("clusters", "cluster", into: &clusters)
    try merge("users", "user", into: &users)
    try merge("contexts", "context", into: &contexts)
  }

  /// What a context says, its files read by `readFile`.
  func access(context wanted: String?, readFile: (String) throws(KubeError) -> [UInt8]) throws(KubeError)
    -> ClusterAccess
  {
    let list = files.joined(separator: ", ")
    guard let name = wanted ?? currentContext else {
      throw .configuration("\(list) has no current-context: choose one with `kubectl config use-context`")
    }
    guard let context = contexts[name] else {
      let known = contexts.keys.sorted().joined(separator: ", ")
      throw .configuration("\(list) has no context \"\(name)\" (it has: \(known.isEmpty ? "none" : known))")
    }
    let clusterName = context.value["cluster"]?.string ?? ""
    guard let cluster = clusters[clusterName] else {
      throw .configuration("\(list): context \"\(name)\" names the cluster \"\(clusterName)\", which is not there")
    }
    let userName = context.value["user"]?.string ?? ""
    let user = users[userName] ?? Entry(value: [:], directory: ".", file: list)
    guard userName.isEmpty || users[userName] != nil else {
      throw .configuration("\(list): context \"\(name)\" names the user \"\(userName)\", which is not there")
    }
    let clusterPlace = "\(cluster.file), cluster \"\(clusterName)\""
    guard let server = cluster.value["server"]?.string, !server.isEmpty else {
      throw .configuration("\(clusterPlace): `server` is missing")
    }
    guard server.hasPrefix("https://") || server.hasPrefix("http://") else {
      throw .configuration("\(clusterPlace): `server` is \"\(server)\", which is no http or https URL")
    }
    if cluster.value["proxy-url"]?.string?.isEmpty == false {
      throw .configuration("\(clusterPlace): `proxy-url` is not supported; set HTTPS_PROXY in the environment instead")
    }
    var access = ClusterAccess(
      server: server, namespace: context.value["namespace"]?.string ?? "default",
      origin: "context \(name) of \(contexts[name]?.file ?? list)")
    let entry = (cluster.value, cluster.directory, clusterPlace)
    access.tls.certificateAuthorityPEM = try Self.bytes(entry, "certificate-authority", readFile)
    access.tls.skipsVerification = cluster.value["insecure-skip-tls-verify"]?.bool ?? false
    if let name = cluster.value["tls-server-name"]?.string, !name.isEmpty { access.tls.serverName = name }
    try Self.identify(
      &access, (user.value, user.directory, "\(user.file), user \"\(userName)\""), cluster: cluster.value, readFile)
    return access
  }

  private typealias Place = (value: JSONValue, directory: String, name: String)

  private static func identify(
    _ access: inout ClusterAccess, _ user: Place, cluster: JSONValue, _ readFile: (String) throws(KubeError) -> [UInt8]
  ) throws(KubeError) {
    access.tls.clientCertificatePEM = try bytes(user, "client-certificate", readFile)
    access.tls.clientKeyPEM = try bytes(user, "client-key", readFile)
    guard (access.tls.clientCertificatePEM == nil) == (access.tls.clientKeyPEM == nil) else {
      throw .configuration("\(user.name) has one of client-certificate and client-key, but not both")
    }
    if let name = user.value["auth-provider"]?["name"]?.string {
      throw .configuration(
        "\(user.name): auth-provider \"\(name)\" is gone from Kubernetes since 1.26; use an `exec` plugin")
    }
    if let exec = user.value["exec"], !exec.isNull {
      access.credential = .exec(
        try ExecPlugin(
          exec, directory: user.directory, place: user.name,
          cluster: ExecPlugin.cluster(server: access.server, tls: access.tls, entry: cluster)))
    } else if let token = user.value["token"]?.string, !token.isEmpty {
      access.credential = .token(token)
    } else if let file = user.value["tokenFile"]?.string, !file.isEmpty {
      access.credential = .tokenFile(absolute(file, user.directory))
    } else if let name = user.value["username"]?.string, !name.isEmpty {
      access.credential = .basic(user: name, password: user.value["password"]?.string ?? "")
    }
    if let other = user.value["as"]?.string, !other.isEmpty {
      access.headers.append(("Impersonate-User", other))
      for group in user.value["as-groups"]?.array?.compactMap(\.string) ?? [] {
        access.headers.append(("Impersonate-Group", group))
      }
    }
  }

  /// `FIELD-data` in base64 before the file that `FIELD` names.
  private static func bytes(
    _ place: Place, _ field: String, _ readFile: (String) throws(KubeError) -> [UInt8]
  ) throws(KubeError) -> [UInt8]? {
    if let data = place.value["\(field)-data"]?.string, !data.isEmpty {
      guard let bytes = Base64.decode(data) else {
        throw .configuration("\(place.name): `\(field)-data` is not base64")
      }
      return bytes
    }
    guard let file = place.value[field]?.string, !file.isEmpty else { return nil }
    do { return try readFile(absolute(file, place.directory)) } catch {
      throw .configuration("\(place.name): `\(field)`: \(error.message)")
    }
  }

  static func absolute(_ path: String, _ directory: String) -> String {
    path.hasPrefix("/") ? path : "\(directory)/\(path)"
  }
}
