import OdigosObjects
import Testing

@testable import OdigosCLI

@Suite struct UpgradeTests {
  @Test(arguments: [
    ("0.9.0", "0.10.0"), ("0.1.0-rc1", "0.1.0"), ("v1.2.3", "1.2.4"), ("1.2.3-a", "1.2.3-b"), ("0.9.9", "1.0.0+x"),
  ]) func versionsAreOrderedByTheirNumbers(_ older: String, _ newer: String) throws {
    let (first, second) = (try #require(ReleaseOrder(older)), try #require(ReleaseOrder(newer)))
    #expect(first < second && !(second < first))
  }

  @Test(arguments: ["", "1.2", "dev", "1.2.x", "1.2.3.4", "-1"]) func otherTextsAreNoVersions(_ text: String) {
    #expect(ReleaseOrder(text) == nil)
  }

  @Test(
    arguments: [
      ("0.1.0", "0.1.0", nil), ("0.1.0", "0.2.0", nil), ("dev", "dev", nil), ("0.2.0", "0.1.0", "is newer"),
      ("dev", "0.1.0", "cannot be compared"), (nil, "0.1.0", "not known"),
    ] as [(String?, String, String?)])
  func itDoesNotGoBack(_ installed: String?, _ own: String, _ complaint: String?) {
    guard let complaint else {
      #expect(throws: Never.self) { try UpgradeCommand.check(installed, own: own) }
      return
    }
    let failure = #expect(throws: CommandFailure.self) { try UpgradeCommand.check(installed, own: own) }
    #expect(failure?.description.contains(complaint) == true)
  }

  @Test(arguments: ["upgrade", "update"]) func itIsKnownByBothNames(_ name: String) throws {
    let command = try OdigosCommand.parseAsRoot([name, "--image", "registry/odigos:2", "--yes", "--nowait"])
    let upgrade = try #require(command as? UpgradeCommand)
    #expect(upgrade.images.image == "registry/odigos:2" && upgrade.yes && upgrade.images.patience == nil)
  }

  @Test func whereNothingIsInstalledThereIsNothingToUpgrade() async throws {
    let cluster = try ScriptedCluster(["/api/v1/configmaps": []])
    defer { cluster.client.shutdown() }
    try await cluster.withConfiguration { path in
      let command = try #require(
        try OdigosCommand.parseAsRoot(["upgrade", "--kubeconfig", path, "--yes"]) as? UpgradeCommand)
      let failure = await #expect(throws: CommandFailure.self) { try await command.run() }
      #expect(failure?.description.contains("odigos install") == true)
    }
    #expect(try await cluster.writes().isEmpty)
  }
}
