import Concurrency
import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

@Suite struct AdmissionTableTests {
  private let workload = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")

  private func isInjected(_ entry: AdmissionEntry?) -> Bool? {
    switch entry {
    case .inject: true
    case .leave: false
    case nil: nil
    }
  }

  @Test func followsTheObjects() {
    let configs = Locked<[ObjectKey: InstrumentationConfig]>([:])
    let table = AdmissionTable { key in configs.withLock { $0[key] } }
    let key = AdmissionSample.config.key
    #expect(table.entry(workload) == nil)
    table.refresh(key)
    #expect(isInjected(table.entry(workload)) == nil)

    configs.withLock { $0[key] = AdmissionSample.config }
    table.refresh(key)
    #expect(isInjected(table.entry(workload)) == false)
    table.change { AdmissionSample.settings }
    #expect(isInjected(table.entry(workload)) == true)
    #expect(table.count == 1)

    table.change { nil }
    #expect(isInjected(table.entry(workload)) == false)
    table.change { AdmissionSample.settings }
    configs.withLock { $0[key]?.spec.agentInjectionEnabled = false }
    table.refresh(key)
    #expect(isInjected(table.entry(workload)) == false)

    configs.withLock { $0[key]?.metadata.json["deletionTimestamp"] = "2025-01-01T00:00:00Z" }
    table.refresh(key)
    #expect(isInjected(table.entry(workload)) == nil)
    #expect(table.count == 0)
  }

  @Test func ignoresNamesThatNameNoWorkload() {
    let config = InstrumentationConfig(name: "web", namespace: "shop")
    let table = AdmissionTable { _ in config }
    table.refresh(config.key)
    #expect(table.count == 0)
  }

  @Test func settingsReachTheInjection() throws {
    let configs = [AdmissionSample.config]
    let table = AdmissionTable { key in configs.first { $0.key == key } }
    var settings = AdmissionSample.settings
    settings.mountMethod = .hostPath
    table.refresh(AdmissionSample.config.key)
    table.change { settings }
    guard case .inject(let facts) = table.entry(workload) else {
      Issue.record("the workload is not injected")
      return
    }
    #expect(facts.mountMethod == .hostPath)
  }

  @Test func whatANamespaceEnforcesDecidesToo() throws {
    let level = Locked(PodSecurityLevel.privileged)
    let configs = [AdmissionSample.config]
    let table = AdmissionTable(
      config: { key in configs.first { $0.key == key } }, podSecurity: { _ in level.withLock { $0 } })
    var settings = AdmissionSample.settings
    settings.mountMethod = .hostPath
    table.refresh(AdmissionSample.config.key)
    table.change { settings }
    func method() -> MountMethod? {
      if case .inject(let facts) = table.entry(workload) { facts.mountMethod } else { nil }
    }
    #expect(method() == .hostPath)
    level.withLock { $0 = .restricted }
    table.refresh(namespace: "other")
    #expect(method() == .hostPath)
    table.refresh(namespace: workload.namespace)
    #expect(method() == .virtualDevice)
  }

  @Test(
    arguments: [
      ("karpenter", true), ("cluster-autoscaler", true), ("aws-cluster-autoscaler-7", true), ("karpenter-ui", false),
      ("web", false),
    ]) func whoMakesNodes(_ name: String, _ expected: Bool)
  {
    #expect(MountFacts.makesNodes(name) == expected)
  }
}
