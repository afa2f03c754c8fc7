import Glibc
import HTTPClient
import HTTPTransport
import Testing

@testable import ServiceShell

/// The whole life of a process, with signals to the test's own.
@Suite(.serialized)
struct ServiceProcessTests {
  private struct Broken: Error {}

  private func process() throws -> ServiceProcess {
    ServiceProcess(name: "test", settings: try ServiceSettings { $0 == "ODIGOS_ADMIN_PORT" ? "0" : nil })
  }

  @Test func whatEndsByItselfExitsWith0AndFailuresWith1() async throws {
    #expect(await (try process()).run { _ in } == 0)
    #expect(await (try process()).run { _ in throw Broken() } == 1)
  }

  @Test func aTakenAdminPortKeepsTheProcessFromStarting() async throws {
    let code = await (try process()).run { shell in
      guard case .tcp(_, let port) = shell.adminAddress else { throw Broken() }
      let settings = try ServiceSettings { $0 == "ODIGOS_ADMIN_PORT" ? String(port) : nil }
      guard await ServiceProcess(name: "other", settings: settings).run({ _ in }) == 1 else { throw Broken() }
    }
    #expect(code == 0)
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func signalsCancelTheComponentWhichMayFinish(signal: Int32) async throws {
    let client = HTTPClient()
    let code = await (try process()).run { shell in
      guard case .tcp(_, let port) = shell.adminAddress else { throw Broken() }
      shell.health.setReady("test", true)
      let url = "http://127.0.0.1:\(port)/readyz"
      guard try await client.send(HTTPClientRequest(method: "GET", url: url)).status == 200 else { throw Broken() }
      kill(getpid(), signal)
      do {
        try await Task.sleep(for: .seconds(60))
      } catch {
        // Readiness goes while the component finishes what it does; a task of its own is not cancelled.
        let status = try await Task { try await client.send(HTTPClientRequest(method: "GET", url: url)).status }.value
        #expect(status == 503)
        throw error
      }
      Issue.record("the component was not cancelled")
    }
    #expect(code == 0)
    client.shutdown()
  }
}
