import EventLoop
import HTTPTransport
import TestSupport
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

  @Test func aliveMeansAllChecksHold() {
    let health = HealthState()
    health.addLivenessCheck("loop") { true }
    #expect(answer("/livez", health) == (200, "ok\n"))
    health.addLivenessCheck("other loop") { false }
    #expect(answer("/livez", health) == (503, "[-] other loop\nnot alive\n"))
    #expect(answer("/healthz", health).status == 503)
  }

  @Test func histogramsCountByBounds() {
    let health = HealthState()
    let histogram = Histogram(bounds: [0.5, 2])
    for value in [0.25, 0.5, 1, 4] { histogram.observe(value) }
    health.addHistogram("wait_seconds", help: "Waits.", labels: "kind=\"a\"", histogram)
    #expect(
      answer("/metrics", health).text == """
        # HELP wait_seconds Waits.
        # TYPE wait_seconds histogram
        wait_seconds_bucket{kind="a",le="0.5"} 2
        wait_seconds_bucket{kind="a",le="2.0"} 3
        wait_seconds_bucket{kind="a",le="+Inf"} 4
        wait_seconds_sum{kind="a"} 5.75
        wait_seconds_count{kind="a"} 4

        """)
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

struct HeartbeatTests {
  @Test func stopsCountingAsAliveAfterItsLimit() {
    let heartbeat = Heartbeat(limit: .seconds(30))
    let now = MonotonicInstant.now
    #expect(heartbeat.isAlive)
    #expect(heartbeat.isAlive(at: now.advanced(by: .seconds(29))))
    #expect(!heartbeat.isAlive(at: now.advanced(by: .seconds(31))))
  }

  @Test func followsALoop() async throws {
    let loop = try EventLoop(name: "test")
    let heartbeat = Heartbeat(limit: .milliseconds(1))
    heartbeat.follow(loop, every: .milliseconds(2))
    // It dies between two beats and comes back with the next one.
    try await eventually("it dies") { !heartbeat.isAlive }
    try await eventually("it beats") { heartbeat.isAlive }
    loop.shutdown()
    try await eventually("it dies with its loop") { !heartbeat.isAlive }
  }
}
