import HTTPClient
import JSON
import Testing
import YAML

@testable import KubeClient

/// Files by path, as the tests want them.
private func reading(_ files: [String: String]) -> (String) throws(KubeError) -> [UInt8] {
  { path throws(KubeError) in
    guard let text = files[path] else { throw .configuration("cannot read \(path): No such file or directory") }
    return Array(text.utf8)
  }
}

private let complete = """
  apiVersion: v1
  kind: Config
  current-context: dev
  clusters:
  - name: one
    cluster: {server: "https://10.0.0.1:6443/", certificate-authority-data: "Q0E="}
  - name: two
    cluster: {server: "https://two.example", certificate-authority: pki/ca.crt, tls-server-name: kubernetes}
  - name: open
    cluster: {server: "http://127.0.0.1:8080", insecure-skip-tls-verify: true}
  users:
  - name: certificate
    user: {client-certificate-data: "Q0VSVA==", client-key: /keys/client.key}
  - name: token
    user: {token: secret, tokenFile: /ignored}
  - name: file
    user: {tokenFile: token, as: someone, as-groups: [a, b]}
  - name: basic
    user: {username: me, password: "pass"}
  contexts:
  - name: dev
    context: {cluster: one, user: certificate, namespace: shop}
  - name: token
    context: {cluster: two, user: token}
  - name: file
    context: {cluster: two, user: file}
  - name: basic
    context: {cluster: open, user: basic}
  - name: nobody
    context: {cluster: open}
  - name: lost
    context: {cluster: gone, user: token}
  - name: lostuser
    context: {cluster: one, user: gone}
  """

private let files = ["/home/me/.kube/pki/ca.crt": "AUTHORITY", "/keys/client.key": "KEY"]

private func access(_ context: String?, _ text: String = complete) throws -> ClusterAccess {
  var config = Kubeconfig()
  try config.add(try YAML.parse(Array(text.utf8)), file: "/home/me/.kube/config")
  return try config.access(context: context, readFile: reading(files))
}

@Suite struct KubeconfigTests {
  @Test func readsTheCurrentContext() throws {
    let access = try access(nil)
    #expect(access.server == "https://10.0.0.1:6443")
    #expect(access.namespace == "shop")
    #expect(access.tls.certificateAuthorityPEM == Array("CA".utf8))
    #expect(access.tls.clientCertificatePEM == Array("CERT".utf8))
    #expect(access.tls.clientKeyPEM == Array("KEY".utf8))
    #expect(access.credential == .none)
    #expect(access.origin == "context dev of /home/me/.kube/config")
  }

  @Test func readsFilesFromTheConfigsDirectory() throws {
    let access = try access("file")
    #expect(access.tls.certificateAuthorityPEM == Array("AUTHORITY".utf8))
    #expect(access.tls.serverName == "kubernetes")
    #expect(access.credential == .tokenFile("/home/me/.kube/token"))
    #expect(access.namespace == "default")
    #expect(access.headers.map(\.name) == ["Impersonate-User", "Impersonate-Group", "Impersonate-Group"])
  }

  @Test(arguments: [
    ("token", ClusterAccess.Credential.token("secret")), ("basic", .basic(user: "me", password: "pass")),
    ("nobody", .none),
  ])
  func readsCredentials(_ context: String, _ credential: ClusterAccess.Credential) throws {
    #expect(try access(context).credential == credential)
  }

  @Test func leavesTheServerUnverifiedWhereAskedTo() throws {
    #expect(try access("basic").tls.skipsVerification)
    #expect(try !access("dev").tls.skipsVerification)
  }

  @Test(arguments: [
    ("missing", "no context \"missing\" (it has: basic, dev, file"), ("lost", "cluster \"gone\""),
    ("lostuser", "user \"gone\""),
  ])
  func namesWhatIsMissing(_ context: String, _ words: String) {
    let error = #expect(throws: KubeError.self) { try access(context) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("/home/me/.kube/config") == true)
  }

  @Test(arguments: [
    ("cluster: {}", "user: {}", "`server` is missing"),
    ("cluster: {server: 'ftp://x'}", "user: {}", "no http or https URL"),
    ("cluster: {server: 'https://x', certificate-authority-data: '%'}", "user: {}", "not base64"),
    ("cluster: {server: 'https://x', certificate-authority: lost}", "user: {}", "cannot read /home/me/.kube/lost"),
    ("cluster: {server: 'https://x', proxy-url: 'http://p'}", "user: {}", "HTTPS_PROXY"),
    ("cluster: {server: 'https://x'}", "user: {client-certificate-data: 'Q0E='}", "but not both"),
    ("cluster: {server: 'https://x'}", "user: {auth-provider: {name: gcp}}", "exec"),
    ("cluster: {server: 'https://x'}", "user: {exec: {apiVersion: client.authentication.k8s.io/v1}}", "exec.command"),
    ("cluster: {server: 'https://x'}", "user: {exec: {command: c, apiVersion: v0}}", "exec.apiVersion"),
  ])
  func saysWhatIsWrong(_ cluster: String, _ user: String, _ words: String) {
    let text = """
      current-context: c
      clusters: [{name: k, \(cluster)}]
      users: [{name: u, \(user)}]
      contexts: [{name: c, context: {cluster: k, user: u}}]
      """
    let error = #expect(throws: KubeError.self) { try access(nil, text) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.reason == KubeError.LocalReason.invalidConfiguration)
  }

  @Test func theFirstOfSeveralFilesWins() throws {
    var config = Kubeconfig()
    let first = "contexts: [{name: dev, context: {cluster: two, user: token}}]"
    try config.add(try YAML.parse(Array(first.utf8)), file: "/first")
    try config.add(try YAML.parse(Array(complete.utf8)), file: "/home/me/.kube/config")
    let access = try config.access(context: nil, readFile: reading(files))
    #expect(access.server == "https://two.example")
    #expect(access.tls.certificateAuthorityPEM == Array("AUTHORITY".utf8))
    #expect(access.origin == "context dev of /first")
  }

  @Test func anEmptyFileHasNoCurrentContext() {
    let error = #expect(throws: KubeError.self) { try access(nil, "") }
    #expect(error?.message.contains("no current-context") == true)
  }
}
