import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct ContainerInspectionTests {
  @Test func ranksAParentBeforeItsChildren() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(10, executable: "/bin/sh")
    try fixture.add(11, parent: 10, executable: "/usr/bin/node", environment: ["NODE_OPTIONS=--enable-source-maps"])
    try fixture.add(12, parent: 11, executable: "/usr/bin/python3.11", environment: ["PYTHONPATH=/helper"])
    let inspection = fixture.tree.inspect([12, 11, 10])
    #expect(inspection.runtimes.map(\.language) == [.javascript, .python])
    #expect(inspection.environment == [.nodeOptions: "--enable-source-maps"])
    #expect(inspection.processCount == 3)
  }

  @Test func ranksWhatOnlyLaunchesLast() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: "/usr/bin/python3.11", arguments: ["python3", "/usr/bin/supervisord", "-n"])
    try fixture.add(20, parent: 1, executable: "/opt/java/bin/java")
    #expect(fixture.tree.inspect([1, 20]).runtimes.map(\.language) == [.java, .python])
  }

  @Test func namesALanguageOnceForManyProcesses() throws {
    let fixture = try ProcessTreeFixture()
    for pid in Int32(1)...5 { try fixture.add(pid, parent: pid == 1 ? 0 : 1, executable: "/usr/bin/python3.11") }
    #expect(fixture.tree.inspect([1, 2, 3, 4, 5]).runtimes.map(\.language) == [.python])
  }

  @Test func survivesParentsInACircle() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, parent: 2, executable: "/usr/bin/python3.11")
    try fixture.add(2, parent: 1, executable: "/usr/bin/node")
    try fixture.add(3, parent: 3, executable: "/usr/bin/ruby")
    #expect(fixture.tree.inspect([1, 2, 3]).runtimes.count == 3)
  }

  @Test func isSecureWhenOneProcessOfTheLanguageIs() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: "/usr/bin/python3.11", auxiliary: [23, 0, 0, 0])
    try fixture.add(2, parent: 1, executable: "/usr/bin/python3.11", auxiliary: [23, 1, 0, 0])
    #expect(fixture.tree.inspect([1]).isSecure == false)
    #expect(fixture.tree.inspect([1, 2]).isSecure == true)
  }

  @Test func tellsWhatRunsWhereNoLanguageIsKnown() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: "/bin/busybox", environment: ["LD_PRELOAD=/lib/x.so"])
    let inspection = fixture.tree.inspect([1])
    #expect(inspection.runtime == nil)
    #expect(inspection.executables == ["busybox"])
    #expect(inspection.environment == [.preload: "/lib/x.so"])
  }

  @Test(
    arguments: [
      (["JAVA_TOOL_OPTIONS=-javaagent:/dd/dd-java-agent.jar"], [], [], ["Datadog Agent"]),
      (["DD_TRACE_AGENT_URL=http://x"], ["ddtrace-run", "python"], [], ["Datadog Agent"]),
      ([], ["python", "/usr/bin/opentelemetry-instrument", "python", "app.py"], [], ["OpenTelemetry Agent"]),
      ([], ["java", "-javaagent:/opt/newrelic/newrelic.jar"], [], ["New Relic Agent"]),
      (
        [], ["java"] + (1...80).map { "-Doption\($0)=x" } + ["-javaagent:/opt/newrelic/newrelic.jar", "Main"], [],
        ["New Relic Agent"]
      ),
      ([], ["java"] + Array(repeating: "-Dx", count: 80) + ["-javaagent:/var/odigos/java/newrelic.jar"], [], []),
      ([], [], ["/opt/dynatrace/oneagent/liboneagentproc.so"], ["Dynatrace Agent"]),
      (["NODE_OPTIONS=--require @opentelemetry/auto-instrumentations-node/register"], [], [], ["OpenTelemetry Agent"]),
      (
        ["PYTHONPATH=/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation"], [],
        ["/var/odigos/python/ddtrace.so"], []
      ),
      (["JAVA_TOOL_OPTIONS=-Xmx1g -javaagent:/var/odigos/java/opentelemetry-javaagent.jar"], [], [], []),
      (["OTEL_SERVICE_NAME=x"], ["python", "app.py"], [], []),
    ] as [([String], [String], [String], [String])])
  func findsAgentsOfOthers(environment: [String], arguments: [String], maps: [String], agents: [String]) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, arguments: arguments, environment: environment, maps: maps)
    #expect(fixture.tree.inspect([1]).otherAgents == agents)
  }
}

@Suite struct EnvironmentCaptureTests {
  @Test(
    arguments: [
      (.pythonPath, "/app:/lib", "/app:/lib"),
      (
        .pythonPath, "/app:/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation",
        "/app"
      ),
      (.pythonPath, "/var/odigos/python", ""), (.pythonPath, ":/var/odigos/python", ""),
      (.pythonPath, ":/app", ":/app"),
      (.javaToolOptions, "-Xmx1g -javaagent:/var/odigos/java/javaagent.jar", "-Xmx1g"),
      (.nodeOptions, "--max-old-space-size=100 --require /var/odigos/nodejs/x.js", "--max-old-space-size=100"),
      (.nodeOptions, "--require /var/odigos/nodejs/x.js --require ./mine.js", "--require ./mine.js"),
      (.nodeOptions, "--require=/var/odigos/nodejs/x.js", ""),
      (.preload, "/lib/a.so:/var/odigos/loader/loader.so", "/lib/a.so"),
      (.preload, "/lib/a.so /var/odigos/loader/loader.so", "/lib/a.so"),
      (.startupHooks, "/own.dll:/var/odigos/dotnet/net/Hook.dll", "/own.dll"),
      (.phpConfiguration, ":/var/odigos/php/8.2", ""), (.phpConfiguration, "/ini:/var/odigos/php/8.2", "/ini"),
      (.rubyOptions, "-W0 -r/var/odigos/ruby/3.3/index.rb", "-W0"),
      (.profilerPath, "/opt/datadog/Datadog.so", "/opt/datadog/Datadog.so"),
    ] as [(CapturedVariable, String, String)])
  func takesOurPartsOut(variable: CapturedVariable, value: String, original: String) {
    #expect(EnvironmentCapture.withoutOwnParts(variable, value) == original)
  }

  @Test func knowsItsOwnProfilerByItsPath() throws {
    let fixture = try ProcessTreeFixture()
    let profiler = ["CORECLR_ENABLE_PROFILING=1", "CORECLR_PROFILER={x}"]
    try fixture.add(1, environment: profiler + ["CORECLR_PROFILER_PATH=/var/odigos/dotnet/linux-musl/Native.so"])
    try fixture.add(2, environment: profiler + ["CORECLR_PROFILER_PATH=/opt/other.so"])
    #expect(fixture.tree.inspect([1]).environment.isEmpty)
    #expect(
      fixture.tree.inspect([2]).environment == [.profiling: "1", .profiler: "{x}", .profilerPath: "/opt/other.so"])
  }

  @Test func leavesOutWhatIsWhollyOurs() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, environment: ["PYTHONPATH=/var/odigos/python", "NODE_OPTIONS=", "PATH=/bin"])
    #expect(fixture.tree.inspect([1]).environment == [.nodeOptions: ""])
  }
}
