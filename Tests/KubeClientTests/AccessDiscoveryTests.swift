import Glibc
import JSON
import TestSupport
import Testing

@testable import KubeClient

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
    try directory.replace("token", "t\n")
    try directory.replace("ca.crt", "CA")
    try directory.replace("namespace", "odigos-system")
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
    try directory.replace("config", config)
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
    try directory.replace("config", "a: [")
    let broken = #expect(throws: KubeError.self) {
      try discovery([:], directory).access(kubeconfig: "\(directory.path)/config", context: nil)
    }
    #expect(broken?.message.contains("\(directory.path)/config") == true)
  }
}
