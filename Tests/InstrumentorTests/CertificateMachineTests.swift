import KubeObjects
import ServingCertificates
import Testing

@testable import Instrumentor

@Suite struct CertificateMachineTests {
  private static let day: Int64 = 86400

  /// A cluster in which everybody serves for an hour already.
  func settled(_ replicas: [String] = ["a", "b"]) -> CertificateWorld {
    var world = CertificateWorld(replicas)
    world.pass(3600, step: 60)
    #expect(world.isSettled)
    #expect(world.failures.isEmpty)
    return world
  }

  @Test func theFirstReplicaMakesEverythingAndServesOnceItIsTrusted() {
    var world = CertificateWorld(["a"])
    world.look("a")
    #expect(world.writes == 1)
    #expect(world.certificates == [[]])
    world.pass(20)
    #expect(world.isSettled)
    #expect(world.failures.isEmpty)
    #expect(world.authorityCount() == 1)
    #expect(world.stored?.records["a"]?.certificate.count == 16)
    #expect(world.isTrusted("a") == true)
  }

  @Test func ofTwoReplicasAtOnceOneWins() {
    var world = CertificateWorld()
    world.look("a")
    // The other one has not seen that yet, and is refused.
    world.look("b", at: .some(nil))
    #expect(world.writes == 1)
    world.pass(30)
    #expect(world.isSettled)
    #expect(Set(world.certificates).count == 1)
    #expect(world.failures.isEmpty)
    // Then there is nothing to write but who serves with what, once each.
    #expect(world.writes == 3)
    world.pass(600)
    #expect(world.writes == 3)
  }

  @Test func nothingIsDoneBeforeTheClusterWasSeen() {
    var machine = CertificateMachine(settings: .init(names: ["x"], replica: "a"))
    #expect(machine.receive(.tick, at: 0).isEmpty)
    #expect(machine.receive(.stored(nil), at: 0).isEmpty)
    #expect(machine.isTrusted() == nil)
    #expect(!machine.receive(.trusted([]), at: 0).isEmpty)
    #expect(machine.isTrusted() == nil)
  }

  @Test func theLeafIsRenewedAtTwoThirdsOfItsLife() {
    var world = settled()
    let before = world.stored
    world.passDays(4)
    #expect(world.stored?.secret == before?.secret)
    world.passDays(1)
    #expect(world.isSettled)
    #expect(world.stored?.secret.certificate != before?.secret.certificate)
    #expect(world.stored?.secret.authorityBundle == before?.secret.authorityBundle)
    #expect(world.failures.isEmpty, "\(world.failures.prefix(3))")
  }

  @Test func theAuthorityIsRenewedWithAnOverlap() {
    var world = settled()
    let first = world.stored?.secret.authorityBundle ?? []
    var counts: [Int] = []
    for _ in 0..<66 {
      world.passDays(1)
      counts.append(world.authorityCount())
    }
    #expect(world.isSettled)
    #expect(world.failures.isEmpty, "\(world.failures.prefix(3))")
    // Both are trusted until every replica has served for a while with what the new one signed.
    #expect(counts.max() == 2)
    #expect(counts.last == 1)
    #expect(world.bundle != first)
  }

  @Test func monthsPassWithoutAFailedHandshake() {
    var world = settled(["a", "b", "c"])
    world.passDays(130)
    #expect(world.isSettled)
    #expect(world.failures.isEmpty, "\(world.failures.prefix(3))")
  }

  @Test func aDeletedSecretIsWrittenBack() {
    var world = settled()
    let before = world.stored?.secret
    let certificates = world.certificates
    world.setStored(nil)
    world.pass(10)
    #expect(world.stored?.secret == before)
    #expect(world.certificates == certificates)
    #expect(world.isSettled)
    #expect(world.failures.isEmpty)
  }

  @Test(arguments: [
    ServingSecretKey.authority, ServingSecretKey.authorityKey, ServingSecretKey.certificate, ServingSecretKey.key,
  ])
  func aCorruptedSecretIsRepairedFromWhatIsServed(_ key: String) {
    for damage: [UInt8] in [[], Array("junk".utf8)] {
      var world = settled()
      let before = world.stored?.secret
      var broken = world.stored
      var data = before?.data ?? [:]
      data[key] = damage
      broken?.secret = ServingSecret(data: data)
      world.setStored(broken)
      world.pass(10)
      #expect(world.stored?.secret == before)
      #expect(world.isSettled)
      #expect(world.failures.isEmpty)
    }
  }

  /// The whole Secret was put back from a backup of another cluster, say.
  @Test func certificatesOfAnotherAuthorityAreTakenOverWithAnOverlap() throws {
    var world = settled()
    var other = settled(["x"]).stored
    other?.records = [:]
    world.setStored(other)
    world.look("a")
    #expect(world.authorityCount() == 2)
    world.pass(300)
    #expect(world.isSettled)
    #expect(world.authorityCount() == 1)
    #expect(world.stored?.secret.certificate == other?.secret.certificate)
    #expect(world.failures.isEmpty, "\(world.failures.prefix(3))")
  }

  @Test func corruptionWithoutAnybodyWhoServesIsMadeAnew() {
    var world = settled()
    world.replicas = [:]
    world.start("new")
    var broken = world.stored
    broken?.secret.key = []
    broken?.secret.authorityKey = []
    world.setStored(broken)
    world.pass(30)
    #expect(world.isSettled)
    #expect(world.failures.isEmpty)
  }

  @Test(arguments: [StoredCertificates.Rotation.leaf, .authority])
  func rotationHappensWhenSomebodyAsks(_ rotation: StoredCertificates.Rotation) {
    var world = settled()
    let before = world.stored
    var asked = world.stored
    asked?.rotation = rotation
    world.setStored(asked)
    world.pass(30)
    #expect(world.isSettled)
    #expect(world.stored?.secret.certificate != before?.secret.certificate)
    #expect(world.authorityCount() == (rotation == .authority ? 2 : 1))
    world.pass(300)
    // The former authority goes once everybody has served with the new one's certificate for a minute.
    #expect(world.authorityCount() == 1)
    #expect((world.stored?.secret.authorityBundle != before?.secret.authorityBundle) == (rotation == .authority))
    #expect(world.failures.isEmpty, "\(world.failures.prefix(3))")
  }

  @Test func aReplicaThatCannotFollowKeepsItsAuthorityTrusted() {
    var world = settled()
    var asked = world.stored
    asked?.rotation = .authority
    world.setStored(asked)
    world.cannotServe = true
    world.pass(1800)
    #expect(world.authorityCount() == 2)
    #expect(world.failures.isEmpty)
    world.cannotServe = false
    world.pass(300)
    #expect(world.isSettled)
    #expect(world.authorityCount() == 1)
    #expect(world.failures.isEmpty)
  }

  @Test func aReplicaThatIsGoneIsForgotten() {
    var world = settled()
    world.replicas["b"] = nil
    var asked = world.stored
    asked?.rotation = .authority
    world.setStored(asked)
    world.pass(1800)
    #expect(world.stored?.records.count == 2)
    #expect(world.authorityCount() == 2)
    world.pass(3 * 3600, step: 60)
    #expect(world.stored?.records.count == 1)
    #expect(world.authorityCount() == 1)
    #expect(world.failures.isEmpty)
  }

  /// The machine slept, or its clock was set.
  @Test(arguments: [6 * day, 8 * day, 100 * day, -day, -30 * day]) func clockJumpsAreCaughtUpWith(_ jump: Int64) {
    var world = settled()
    world.now += jump
    // Make, tell the API server, let that settle, serve: some looks of five seconds.
    for _ in 0..<6 {
      world.now += 5
      for replica in ["a", "b"] { world.look(replica) }
    }
    #expect(world.certificates.allSatisfy { $0 == world.stored?.secret.certificate })
    world.pass(300)
    #expect(world.isSettled)
    #expect(world.failures.isEmpty, "\(world.failures.prefix(3))")
  }

  @Test func whatOthersDoToTheBundleIsUndoneAtOnceButNotInARace() {
    var world = settled()
    let bundle = world.bundle
    world.setBundle(Array("theirs".utf8))
    #expect(world.replicas["a"]?.served != nil)
    world.look("a")
    #expect(world.bundle == bundle)
    // Somebody who insists is answered every few seconds.
    let before = world.trusts
    for _ in 0..<50 {
      world.setBundle(Array("theirs".utf8))
      world.look("a")
    }
    #expect(world.trusts == before)
    world.now += 5
    world.look("a")
    #expect(world.trusts == before + 1)
    #expect(world.bundle == bundle)
  }

  @Test func whatIsServedStaysWhileNothingCanBeStored() {
    var world = settled()
    let certificates = world.certificates
    world.refusesWrites = true
    world.setStored(nil)
    world.pass(600)
    #expect(world.certificates == certificates)
    #expect(world.failures.isEmpty)
    world.refusesWrites = false
    world.pass(10)
    #expect(world.isSettled)
    #expect(world.certificates == certificates)
  }

  @Test func anAnswerThatNeverComesIsNotWaitedForForever() {
    var machine = CertificateMachine(settings: .init(names: ["x"], replica: "a"))
    _ = machine.receive(.stored(nil), at: 0)
    func writes(_ actions: [CertificateMachine.Action]) -> Bool {
      actions.contains { if case .write = $0 { true } else { false } }
    }
    #expect(writes(machine.receive(.trusted([]), at: 0)))
    _ = machine.receive(.written(version: "7"), at: 1)
    #expect(!writes(machine.receive(.tick, at: 5)))
    #expect(writes(machine.receive(.tick, at: 20)))
  }

  @Test func readinessIsAboutWhatIsServed() {
    var world = settled(["a"])
    world.setBundle([])
    // Before anybody has repaired it.
    var machine = world.replicas["a"]
    _ = machine?.receive(.trusted(world.trust), at: world.now)
    #expect(machine?.isTrusted() == false)
    _ = machine?.receive(.trusted([]), at: world.now)
    #expect(machine?.isTrusted() == nil)
  }
}
