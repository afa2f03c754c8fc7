import Glibc
import TestSupport
import Testing

@testable import Odiglet

@Suite struct AgentCopyTests {
  private let scratch: TemporaryDirectory
  private var source: String { "\(scratch.path)/image" }
  private var volume: String { "\(scratch.path)/volume" }

  init() throws {
    scratch = try TemporaryDirectory()
    try scratch.write("image/python/pkg/agent.py", "print('one')")
    try scratch.write("image/java/agent.jar", "jar")
    symlink("pkg/agent.py", "\(scratch.path)/image/python/main.py")
    mkdir("\(scratch.path)/volume", 0o777)
  }

  @Test func copiesWhatIsNamedAndNothingElse() throws {
    try AgentCopy.copy(["python"], from: source, to: volume)
    #expect(scratch.text("volume/python/pkg/agent.py") == "print('one')")
    #expect(try FileOperation.target(of: "\(volume)/python/main.py") == "pkg/agent.py")
    #expect(try FileOperation.names(in: volume) == ["python"])
  }

  @Test func replacesWhatAnEarlierAttemptHasLeft() throws {
    try scratch.write("volume/python/pkg/agent.py", "prin")
    try scratch.write("volume/python/left.over", "x")
    try AgentCopy.copy(["python", "java"], from: source, to: volume)
    #expect(scratch.text("volume/python/pkg/agent.py") == "print('one')")
    #expect(try FileOperation.names(in: "\(volume)/python") == ["main.py", "pkg"])
    #expect(scratch.text("volume/java/agent.jar") == "jar")
  }

  @Test(arguments: ["", "..", "a/b", ".versions", "ruby"]) func saysWhatIsWrong(_ name: String) {
    do {
      try AgentCopy.copy([name], from: source, to: volume)
      Issue.record("copied \(name)")
    } catch { #expect(error.description.contains(name)) }
  }

  @Test func needsNames() {
    #expect(AgentCopy.run([]) == 2)
    #expect(AgentCopy.run(["--help"]) == 0)
  }
}
