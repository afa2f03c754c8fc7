import KubeObjects
import ServingCertificates
import Testing

@testable import Instrumentor

/// Certificates that somebody else keeps, such as cert-manager.
extension CertificateMachineTests {
  @Test func whatCertManagerKeepsIsOnlyServed() {
    let issued = settled(["x"]).stored?.secret ?? ServingSecret()
    let renewed = settled(["x"]).stored?.secret ?? ServingSecret()
    var world = CertificateWorld()
    world.isExternal = true
    world.pass(30)
    #expect(world.certificates == [[], []])
    var external = StoredCertificates()
    external.isExternal = true
    external.secret.certificate = issued.certificate
    external.secret.key = issued.key
    world.setStored(external)
    world.pass(30)
    #expect(world.certificates.allSatisfy { $0 == issued.certificate })
    external.secret = renewed
    world.setStored(external)
    world.pass(5)
    #expect(world.certificates.allSatisfy { $0 == renewed.certificate })
    #expect(world.isTrusted("a") == false)
    world.setBundle(renewed.authorityBundle)
    world.pass(5)
    #expect(world.isTrusted("a") == true)
    // Deleted, broken, expired: it is not ours to mend.
    world.setStored(nil)
    world.pass(30)
    #expect(world.stored == nil)
    #expect(world.writes == 0 && world.trusts == 0)
    #expect(world.certificates.allSatisfy { $0 == renewed.certificate })
  }

  @Test func whatCertManagerDoesNotRenewIsTold() throws {
    let secret = settled(["x"]).stored?.secret ?? ServingSecret()
    var world = CertificateWorld(["a"])
    world.isExternal = true
    world.pass(30)
    #expect(world.warnings.count == 1 && world.warnings[0].contains("There is no Secret"), "told once")
    var external = StoredCertificates()
    external.isExternal = true
    external.secret = secret
    world.setStored(external)
    world.setBundle(secret.authorityBundle)
    world.pass(30)
    #expect(world.warnings.count == 1, "all is well")
    // A week is the life of a certificate; its issuer renews it before the last sixth.
    world.passDays(6)
    #expect(world.warnings.count == 2 && world.warnings[1].contains("soon expires"), "\(world.warnings)")
    world.passDays(2)
    #expect(world.warnings.count == 3 && world.warnings[2].contains("has expired"), "\(world.warnings)")
    external.secret.certificate = Array("junk".utf8)
    world.setStored(external)
    world.pass(5)
    #expect(world.warnings.last?.contains("cannot be read") == true)
    external.secret = settled(["x"]).stored?.secret ?? ServingSecret()
    external.secret.key = secret.key
    world.setStored(external)
    world.pass(5)
    #expect(
      world.warnings.last?.contains("not for its key") == true || world.warnings.last?.contains("expired") == true)
    #expect(world.writes == 0 && world.trusts == 0)
  }
}
