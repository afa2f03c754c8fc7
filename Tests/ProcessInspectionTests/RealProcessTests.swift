import Glibc
import TestSupport
import Testing

@testable import ProcessInspection

/// Real programs, seen in the real process file system.
@Suite struct RealProcessTests {
  struct Program: Sendable, CustomTestStringConvertible {
    var language: RuntimeLanguage
    var paths: [String]
    var arguments: [String]
    /// What its version begins with; nil for whatever is installed.
    var version: String?
    var testDescription: String { "\(language)" }
  }

  private static let script = "/tmp/odiglet-real-\(getpid())"

  static let programs = [
    Program(
      language: .python, paths: ["/usr/bin/python3.11", "/usr/bin/python3"],
      arguments: ["-c", "import time; time.sleep(300)"], version: "3."),
    Program(
      language: .javascript, paths: ["/usr/bin/node", "/usr/local/bin/node", "/usr/bin/nodejs"],
      arguments: ["-e", "setTimeout(() => 0, 300000)"]),
    Program(language: .ruby, paths: ["/usr/bin/ruby"], arguments: ["-e", "sleep 300"], version: ""),
    Program(language: .php, paths: ["/usr/bin/php"], arguments: ["-r", "sleep(300);"], version: ""),
    Program(language: .java, paths: ["/usr/bin/jshell", "/usr/bin/java"], arguments: [], version: ""),
  ]

  @Test(arguments: programs) func recognises(_ program: Program) async throws {
    guard let path = RunningProgram.installed(program.paths) else {
      print("skipped: none of \(program.paths) is installed")
      return
    }
    var arguments = program.arguments
    if program.language == .java {
      guard path.hasSuffix("/java") || access("/usr/bin/java", X_OK) == 0 else { return }
      // A Java program that waits: the launcher compiles a source file by itself where there is a compiler; without
      // one the version is printed in a moment, so it is held up at its start by a debugger that never comes.
      arguments = ["-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:0", "-version"]
    }
    let executable = program.language == .java ? "/usr/bin/java" : path
    let running = try #require(
      RunningProgram(
        [executable] + arguments, environment: ["PATH=/usr/bin:/bin", "JAVA_TOOL_OPTIONS=-Xmx64m", "PASSWORD=x"]))
    let tree = ProcessTree()
    try await eventually("\(program.language) is recognised") {
      let inspection = tree.inspect([running.pid])
      return inspection.runtime?.language == program.language && inspection.isSecure != nil
    }
    let inspection = tree.inspect([running.pid])
    let runtime = try #require(inspection.runtime)
    if let version = program.version {
      #expect(!runtime.version.isEmpty && runtime.version.hasPrefix(version), "\(runtime)")
    }
    #expect(inspection.cLibrary == .glibc)
    #expect(inspection.isSecure == false)
    #expect(inspection.environment == [.javaToolOptions: "-Xmx64m"])
    running.end()
    #expect(tree.inspect([running.pid]).runtime == nil)
  }

  /// An application in one file with Node.js has another name.
  @Test func nodeUnderAnotherNameIsRecognised() async throws {
    guard let node = RunningProgram.installed(["/usr/bin/node", "/usr/local/bin/node"]) else {
      print("skipped: node is not installed")
      return
    }
    let fixture = try ProcessTreeFixture()
    let copy = try #require(RunningProgram(["/bin/cp", node, "\(fixture.path)/shop"], environment: []))
    var status: Int32 = 0
    while waitpid(copy.pid, &status, 0) < 0, errno == EINTR {}
    let running = try #require(RunningProgram(["\(fixture.path)/shop", "-e", "setTimeout(() => 0, 300000)"]))
    let tree = ProcessTree()
    try await eventually("it is recognised") { tree.inspect([running.pid]).runtime?.language == .javascript }
    #expect(tree.inspect([running.pid]).runtime?.version.isEmpty == false)
  }

  /// The first thread of a program may end while the others work on.
  @Test func aProcessGoesOnWithoutItsFirstThread() async throws {
    guard let compiler = RunningProgram.installed(["/usr/bin/gcc", "/usr/bin/clang"]) else {
      print("skipped: no C compiler is installed")
      return
    }
    let fixture = try ProcessTreeFixture()
    try fixture.write(
      "a.c",
      """
      #include <pthread.h>
      #include <unistd.h>
      static void *work(void *_) { for (;;) pause(); }
      int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_exit(0); }

      """)
    // By its name it is Python.
    let path = "\(fixture.path)/python3.11"
    let build = try #require(
      RunningProgram([compiler, "-pthread", "-o", path, "\(fixture.path)/a.c"], environment: ["PATH=/usr/bin:/bin"]))
    var status: Int32 = 0
    while waitpid(build.pid, &status, 0) < 0, errno == EINTR {}
    try #require(status == 0)
    let running = try #require(RunningProgram([path], environment: ["PYTHONPATH=/app"]))
    let tree = ProcessTree()
    try await eventually("its first thread has ended") {
      BoundedFile.content("/proc/\(running.pid)/stat", limit: 4096).flatMap(ProcessStatus.init)?.isLedByAnother == true
    }
    let inspection = tree.inspect([running.pid])
    #expect(inspection.runtime?.language == .python)
    #expect(inspection.environment == [.pythonPath: "/app"])
    let representative = try #require(inspection.representative)
    #expect(tree.isRunning(representative))
    running.end()
    try await eventually("it is gone") { !tree.isRunning(representative) }
  }

  @Test func tellsMuslByARealProgram() throws {
    guard let compiler = RunningProgram.installed(["/usr/bin/musl-gcc"]) else {
      print("skipped: /usr/bin/musl-gcc (Debian's musl-tools) is not installed")
      return
    }
    let fixture = try ProcessTreeFixture()
    try fixture.write("a.c", "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    let path = "\(fixture.path)/program"
    let build = try #require(
      RunningProgram([compiler, "-o", path, "\(fixture.path)/a.c"], environment: ["PATH=/usr/bin:/bin"]))
    var status: Int32 = 0
    while waitpid(build.pid, &status, 0) < 0, errno == EINTR {}
    try #require(status == 0)
    let running = try #require(RunningProgram([path]))
    #expect(ProcessTree().inspect([running.pid]).cLibrary == .musl)
  }

  /// Two shells that become one another without end: what is read must be of one of them.
  @Test func neverMixesTwoProgramsOfOneProcess() throws {
    guard access("/usr/bin/dash", X_OK) == 0, access("/usr/bin/bash", X_OK) == 0 else {
      print("skipped: dash or bash is not installed")
      return
    }
    let fixture = try ProcessTreeFixture()
    try fixture.write(
      "loop",
      """
      case $PYTHONPATH in
      /dash) PYTHONPATH=/bash exec /usr/bin/bash "$0" ;;
      *) PYTHONPATH=/dash exec /usr/bin/dash "$0" ;;
      esac
      """)
    let running = try #require(
      RunningProgram(["/usr/bin/bash", "\(fixture.path)/loop"], environment: ["PYTHONPATH=/bash"]))
    let tree = ProcessTree()
    var seen: Set<String> = []
    for _ in 0..<3000 {
      guard let facts = tree.facts(of: running.pid) else { continue }
      seen.insert(facts.executableName)
      let expected = "/\(facts.executableName)"
      if let path = facts.environment.values["PYTHONPATH"] { #expect(path == expected) }
      if let first = facts.arguments.first { #expect(first.hasSuffix(expected)) }
    }
    #expect(!seen.isEmpty && seen.isSubset(of: ["bash", "dash"]))
  }

  @Test func hearsOfExecutionsWhereTheKernelAllowsIt() async throws {
    let events: ExecEvents
    do throws(ExecEventsError) { events = try ExecEvents() } catch {
      print("skipped: \(error)")
      #expect(!error.description.isEmpty)
      return
    }
    _ = events.take()
    let running = try #require(RunningProgram(["/bin/sleep", "300"]))
    var heard: Set<Int32> = []
    try await eventually("the execution is noted") {
      heard.formUnion(events.take().pids)
      return heard.contains(running.pid)
    }
    running.end()
    // Far more executions than a ring holds are not silently forgotten.
    var isComplete = true
    try await eventually("a full ring says that some are missing") {
      for _ in 0..<200 { RunningProgram(["/bin/true"])?.end() }
      for _ in 0..<200 { RunningProgram(["/bin/true"])?.end() }
      for _ in 0..<600 { RunningProgram(["/bin/true"])?.end() }
      isComplete = events.take().isComplete
      return !isComplete
    }
  }
}
