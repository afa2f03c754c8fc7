import Glibc
import TestSupport
import Testing

@testable import Odiglet

/// The program as it is called.
@Suite struct OdigletCommandTests {
  private let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
    try scratch.write("host/python/agent.py", "x")
  }

  /// Nothing but the words that there are does anything.
  @Test(arguments: [
    ("cleanup --help", 0), ("cleanup -h", 0), ("cleanup now", 2), ("inti", 2), ("clean-up", 2), ("--cleanup", 2),
    ("init --force", 2), ("copy", 2), ("--help", 0), ("--version", 0), ("init --help", 0),
  ]) func refusesWhatItDoesNotKnow(arguments: String, status: Int32) throws {
    guard let odiglet = OdigletProgram.path() else { return }
    let environment = "env -i ODIGOS_HOST_DIR=\(scratch.path)/host ODIGOS_AGENTS_DIR=\(scratch.path)/none"
    let result = system("\(environment) \(odiglet) \(arguments) >\(scratch.path)/out 2>\(scratch.path)/log")
    #expect(result >> 8 == status, "\(scratch.text("log") ?? "")")
    #expect(scratch.text("host/python/agent.py") == "x")
    if status == 0 { #expect(scratch.text("out")?.isEmpty == false) }
    if status == 2 { #expect(scratch.text("log")?.contains("--help") == true) }
  }
}
