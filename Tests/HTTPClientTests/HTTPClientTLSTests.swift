import Glibc
import HTTPClient
import JSON
import TestSupport
import Testing

private func fixture(_ name: String) -> String { Repository.path("Tests/Fixtures/tls/\(name)") }

private func bytes(_ name: String) -> [UInt8] {
  guard let file = fopen(fixture(name), "r") else { return [] }
  defer { fclose(file) }
  var buffer = [UInt8](repeating: 0, count: 16 << 10)
  return Array(buffer[..<fread(&buffer, 1, buffer.count, file)])
}

private func trusting(_ authority: String, client: String? = nil) -> HTTPClientTLS {
  var tls = HTTPClientTLS()
  tls.certificateAuthorityPEM = bytes("\(authority).crt")
  if let client {
    tls.clientCertificatePEM = bytes("\(client).crt")
    tls.clientKeyPEM = bytes("\(client).key")
  }
  return tls
}

@Suite struct HTTPClientTLSTests {
  private func echo(_ server: ScriptedServer, _ tls: HTTPClientTLS) async throws -> JSONValue {
    try await echo(server, HTTPClient(tls: tls))
  }

  private func echo(_ server: ScriptedServer, _ client: HTTPClient) async throws -> JSONValue {
    let request = HTTPClientRequest(method: "GET", url: "https://127.0.0.1:\(server.port)/echo")
    return try JSONValue(parsing: try await client.send(request).body)
  }

  @Test func trustsTheGivenAuthorityAndNoOther() async throws {
    let server = try ScriptedServer(tls: [fixture("server.crt"), fixture("server.key")])
    #expect(try await echo(server, trusting("ca"))["method"]?.string == "GET")
    for tls in [trusting("other-ca"), HTTPClientTLS()] {
      let error = await #expect(throws: HTTPClientError.self) { try await echo(server, tls) }
      #expect(error?.description.contains("certificate") == true)
    }
  }

  @Test func leavesTheServerUnverifiedOnlyWhenAskedTo() async throws {
    let server = try ScriptedServer(tls: [fixture("named-server.crt"), fixture("named-server.key")])
    var tls = trusting("other-ca")
    tls.skipsVerification = true
    #expect(try await echo(server, tls)["method"]?.string == "GET")
  }

  @Test func checksTheNameOfTheServer() async throws {
    let server = try ScriptedServer(tls: [fixture("named-server.crt"), fixture("named-server.key")])
    var tls = trusting("ca")
    let error = await #expect(throws: HTTPClientError.self) { try await echo(server, tls) }
    #expect(error?.description.contains("127.0.0.1") == true)
    tls.serverName = "kubernetes.test"
    #expect(try await echo(server, tls)["method"]?.string == "GET")
    tls.serverName = "other.test"
    await #expect(throws: HTTPClientError.self) { try await echo(server, tls) }
  }

  @Test func showsItsCertificate() async throws {
    let server = try ScriptedServer(tls: [fixture("server.crt"), fixture("server.key"), fixture("ca.crt")])
    let seen = try await echo(server, trusting("ca", client: "client"))
    #expect(seen["client"]?.array?.contains("test client") == true)
    await #expect(throws: HTTPClientError.self) { try await echo(server, trusting("ca")) }
  }

  @Test func aReplacedIdentityCountsForNewTransfers() async throws {
    let server = try ScriptedServer(tls: [fixture("server.crt"), fixture("server.key"), fixture("ca.crt")])
    let client = HTTPClient(tls: trusting("ca"))
    await #expect(throws: HTTPClientError.self) { try await echo(server, client) }
    client.replaceTLS(trusting("ca", client: "client"))
    #expect(try await echo(server, client)["client"]?.array?.contains("test client") == true)
    client.replaceTLS(trusting("other-ca", client: "client"))
    await #expect(throws: HTTPClientError.self) { try await echo(server, client) }
  }

  @Test func unusableCertificatesAreAnError() async throws {
    let server = try ScriptedServer(tls: [fixture("server.crt"), fixture("server.key")])
    var tls = trusting("ca")
    tls.certificateAuthorityPEM = Array("no certificate".utf8)
    await #expect(throws: HTTPClientError.self) { try await echo(server, tls) }
    tls = trusting("ca", client: "client")
    tls.clientKeyPEM = bytes("server.key")
    await #expect(throws: HTTPClientError.self) { try await echo(server, tls) }
  }
}
