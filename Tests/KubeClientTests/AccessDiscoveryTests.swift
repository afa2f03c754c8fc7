import Glibc
import JSON
import Testing

@testable import KubeClient

/// A directory that goes with the test.
final class TemporaryDirectory {
  let path: String

  init() throws {
    var template = Array("/tmp/kubeclient-XXXXXX\0".utf8CString)
    guard mkdtemp(&template) != nil else { throw KubeError(status: 0, reason: "", message: "mkdtemp: \(errno)") }
    path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }

  /// Writes a file by replacing it, as kubelets do.
  func write(_ name: String, _ text: String) throws {
    let descriptor = open("\(path)/.new", O_WRONLY | O_CREAT | O_TRUNC, 0o755)
    let bytes = Array(text.utf8)
    guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count, close(descriptor) == 0,
      rename("\(path)/.new", "\(path)/\(name)") == 0
    else { throw KubeError(status: 0, reason: "", message: "cannot write \(name): \(errno)") }
  }

  deinit {
    for name in ["token", "ca.crt", "namespace", "config", "plugin", "count"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

private func discovery(_ variables: [String: String], _ directory: TemporaryDirectory) -> AccessDiscovery {
  var discovery = AccessDiscovery()
  discovery.environment = { variables[$0] }
  discovery.serviceAccountDirectory = directory.path
  return discovery
}

@Suite struct AccessDiscoveryTests {
  private let config = """
    {"current-context":"c","clusters":[{"name":"k","cluster":{"server":"https://x"}}],
     "contexts":[{"name":"c","context":{"cluster":"k"}}]}
    """
  private let pod = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443", "HOME": "/nowhere"]

  @Test func findsTheServiceAccount() throws {
    let directory = try TemporaryDirectory()
    try directory.write("token", "t\n")
    try directory.write("ca.crt", "CA")
    try directory.write("namespace", "odigos-system")
    let access = try discovery(pod, directory).access(kubeconfig: nil, context: nil)
    #expect(access.server == "https://[fd00::1]:6443")
    #expect(access.credential == .tokenFile("\(directory.path)/token"))
    #expect(access.tls.certificateAuthorityPEM == Array("CA".utf8))
    #expect(access.namespace == "odigos-system")
  }

  @Test func saysWhyAPodHasNoCredentials() throws {
    let error = #expect(throws: KubeError.self) {
      try discovery(pod, try TemporaryDirectory()).access(kubeconfig: nil, context: nil)
    }
    #expect(error?.message.contains("automountServiceAccountToken") == true)
  }

  @Test func aNamedConfigComesFirst() throws {
    let directory = try TemporaryDirectory()
    try directory.write("config", config)
    let file = "\(directory.path)/config"
    let byName = try discovery(["KUBECONFIG": "/other"], directory).access(kubeconfig: file, context: nil)
    #expect(byName.server == "https://x")
    let byVariable = try discovery(["KUBECONFIG": "/other:\(file)"], directory).access(kubeconfig: nil, context: nil)
    #expect(byVariable.server == "https://x")
  }

  @Test func saysWhereItLooked() throws {
    let directory = try TemporaryDirectory()
    let nothing = #expect(throws: KubeError.self) {
      try discovery(["HOME": "/nowhere"], directory).access(kubeconfig: nil, context: nil)
    }
    #expect(nothing?.message.contains("/nowhere/.kube/config does not exist") == true)
    let lost = #expect(throws: KubeError.self) {
      try discovery(["KUBECONFIG": "/nowhere/config"], directory).access(kubeconfig: nil, context: nil)
    }
    #expect(lost?.message.contains("/nowhere/config: No such file") == true)
    try directory.write("config", "a: [")
    let broken = #expect(throws: KubeError.self) {
      try discovery([:], directory).access(kubeconfig: "\(directory.path)/config", context: nil)
    }
    #expect(broken?.message.contains("\(directory.path)/config") == true)
  }
}
