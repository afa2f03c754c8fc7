import HTTPTransport
import Testing

@testable import ServiceShell

struct AdminEndpointTests {
  private func answer(_ path: String, method: String = "GET", _ health: HealthState = HealthState()) -> (
    status: Int, text: String
  ) {
    let response = AdminEndpoint(health: health).answer(HTTPRequest(method: method, path: path))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  @Test(arguments: [
    ("/healthz", "GET", 200), ("/livez", "HEAD", 200), ("/readyz", "GET", 200), ("/metrics", "GET", 200),
    ("/", "GET", 404), ("/livez", "POST", 405),
  ])
  func pathsAndMethods(path: String, method: String, status: Int) {
    #expect(answer(path, method: method).status == status)
  }

  @Test func readyMeansAllConditionsHold() {
    let health = HealthState()
    health.setReady("cache", true)
    health.setReady("certificate", false)
    #expect(answer("/readyz", health) == (503, "[+] cache\n[-] certificate\nnot ready\n"))
    #expect(!health.isReady)
    health.setReady("certificate", true)
    #expect(answer("/readyz", health) == (200, "[+] cache\n[+] certificate\nready\n"))
    health.stop()
    #expect(answer("/readyz", health).status == 503)
    #expect(answer("/livez", health).status == 200)
  }

  @Test func metricsAreReadWhenTheyAreAskedFor() {
    let health = HealthState()
    health.addMetric("pods_total", help: "Pods\nseen.", kind: "counter") { [("kind=\"a\"", 3), ("kind=\"b\"", 0.5)] }
    health.addMetric("empty", help: "None.", kind: "gauge") { [] }
    #expect(
      answer("/metrics", health).text == """
        # HELP pods_total Pods\\nseen.
        # TYPE pods_total counter
        pods_total{kind="a"} 3
        pods_total{kind="b"} 0.5
        # HELP empty None.
        # TYPE empty gauge

        """)
  }

  @Test func processMetricsAreThere() {
    let health = HealthState()
    ProcessMetrics.add(to: health, component: "x")
    let text = answer("/metrics", health).text
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
      #expect(text.contains("\n\(name) "))
    }
    #expect(text.contains("odigos_build_info{component=\"x\",version=\""))
  }
}

struct ServiceSettingsTests {
  @Test func theDefaults() throws {
    let settings = try ServiceSettings { _ in nil }
    #expect(settings.logLevel == .info)
    #expect(settings.adminPort == 8081)
  }

  @Test func whatTheEnvironmentSays() throws {
    let settings = try ServiceSettings { ["ODIGOS_LOG_LEVEL": "WARN", "ODIGOS_ADMIN_PORT": "0"][$0] }
    #expect(settings.logLevel == .warning)
    #expect(settings.adminPort == 0)
  }

  @Test(arguments: [("ODIGOS_LOG_LEVEL", "loud"), ("ODIGOS_ADMIN_PORT", "70000"), ("ODIGOS_ADMIN_PORT", "http")])
  func mistakesAreNamed(name: String, value: String) {
    let error = #expect(throws: ServiceError.self) { try ServiceSettings { $0 == name ? value : nil } }
    #expect(error?.description.hasPrefix("\(name) is \"\(value)\"; it must be ") == true)
  }
}
