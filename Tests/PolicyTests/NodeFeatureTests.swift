import Policy
import Testing

@Suite struct NodeFeatureTests {
  @Test(
    arguments: [
      ([], []), ([.devicePlugin], []), ([.runtimeInspection], [.dacReadSearch, .sysPtrace]),
      (NodeFeature.standard, [.dacReadSearch, .sysPtrace]),
      (Set(NodeFeature.allCases), [.dacReadSearch, .perfmon, .sysPtrace]),
    ] as [(Set<NodeFeature>, [LinuxCapability])])
  func computesTheCapabilities(features: Set<NodeFeature>, capabilities: [LinuxCapability]) {
    #expect(NodeFeature.capabilities(of: features) == capabilities)
    // What the manifest gives is what the check at the start is content with.
    let privileges = NodePrivileges(wanted: features, effective: Set(capabilities))
    #expect(privileges.enabled == features && privileges.warnings.isEmpty)
  }

  @Test func leavesNoFeatureOnThatLacksACapability() {
    let privileges = NodePrivileges(wanted: Set(NodeFeature.allCases), effective: [.sysPtrace, .perfmon])
    #expect(privileges.enabled == [.devicePlugin, .processEvents])
    #expect(privileges.warnings.count == 1)
    #expect(privileges.warnings.first?.hasPrefix("runtime-inspection is off") == true)
    #expect(privileges.warnings.first?.contains("DAC_READ_SEARCH") == true)
  }

  @Test func saysEachCapabilityThatIsLacking() {
    let warnings = NodePrivileges(wanted: Set(NodeFeature.allCases), effective: []).warnings
    for capability in LinuxCapability.allCases {
      #expect(warnings.contains { $0.contains("capability \(capability.rawValue) ") })
    }
  }

  @Test func readsNames() throws {
    #expect(try NodeFeature.parse("device-plugin, runtime-inspection,") == NodeFeature.standard)
    for features in [[], NodeFeature.standard, Set(NodeFeature.allCases)] {
      #expect(try NodeFeature.parse(NodeFeature.text(of: features)) == features)
    }
    let error = #expect(throws: NodeFeatureError.self) { try NodeFeature.parse("coffee") }
    #expect(error?.description.contains("\"coffee\"") == true)
    #expect(error?.description.contains("process-events, runtime-inspection") == true)
  }

  @Test func readsTheKernelsSets() {
    #expect(LinuxCapability.set(hexadecimal: "0000000000080004") == [.dacReadSearch, .sysPtrace])
    #expect(LinuxCapability.set(hexadecimal: "000000c000000000") == [.perfmon])
    #expect(LinuxCapability.set(hexadecimal: "x") == nil)
  }
}
