import Glibc
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// What containers see when an installation is cut short.
@Suite struct AgentInterruptionTests: AgentFileSuite {
  let scratch: TemporaryDirectory
  private var installation: AgentInstallation {
    AgentInstallation(source: source, destination: host, report: { _ in })
  }

  init() throws { scratch = try TemporaryDirectory() }

  /// The installation in a process of its own.
  private func startInstallation(_ odiglet: String) throws -> LineProcess {
    try LineProcess(
      odiglet, ["init"],
      environment: [
        "ODIGOS_AGENTS_DIR=\(source)", "ODIGOS_HOST_DIR=\(host)", "ODIGOS_PROC_DIR=\(scratch.path)/none",
      ])
  }

  /// Whatever is on the disk when the installing process is killed, what containers see is whole.
  @Test func aKilledInstallationLeavesWhatWasThere() async throws {
    guard let odiglet = OdigletProgram.path() else { return }
    func fill(_ text: String) throws {
      for directory in 0..<10 {
        for file in 0..<60 {
          try scratch.write("image/python/\(directory)/\(file).py", "\(text) \(directory) \(file)")
        }
      }
    }
    func content() -> String? { scratch.text("host/python/9/59.py") }
    try scratch.write("proc/stat", "btime 1000\n")
    var killed = 0
    var installed: String?
    for round in 0..<8 {
      try fill("version \(round)")
      let tree = try AgentTree(root: source)
      let name = try tree.fingerprint()
      let child = try startInstallation(odiglet)
      // Each time a little later: before the first file, in the middle, at the end.
      try await eventually("the copy") {
        let partial = try? FileOperation.names(in: "\(host)/.versions").first {
          $0.hasPrefix("\(name).") && FileOperation.exists("\(host)/.versions/\($0)/1/python/\(round)")
        }
        return round == 0 || partial != nil || child.hasEnded
      }
      killed += child.end() ? 1 : 0
      let current = try? FileOperation.target(of: "\(host)/.current")
      if let current {
        let now = try #require(content())
        #expect(now == "version \(round) 9 59" || now == installed.map { "\($0) 9 59" })
        #expect(try AgentTree(root: "\(host)/\(current)").fileCount == 600)
        if now == "version \(round) 9 59" { installed = "version \(round)" }
      } else {
        #expect(installed == nil && content() == nil)
      }
      if round % 4 == 3 {
        try installation.install()
        installed = "version \(round)"
        #expect(content() == "version \(round) 9 59")
        // Nothing half-written is left, and everything old can go.
        try installation.removeUnusedVersions(tree: proc)
        #expect(try FileOperation.names(in: "\(host)/.versions").count == 2)
      }
    }
    #expect(killed > 0)
  }

  /// A repair of the tree that containers are using, killed each time a little later.
  @Test func aKilledRepairTakesNothingAway() async throws {
    guard let odiglet = OdigletProgram.path() else { return }
    for file in 0..<600 { try scratch.write("image/python/\(file).py", "\(file)") }
    try scratch.write("image/java/agent.jar", "jar")
    try installation.install()
    var killed = 0
    for round in 0..<6 {
      for file in 0..<500 { unlink("\(host)/python/\(file).py") }
      let child = try startInstallation(odiglet)
      try await eventually("the repair") {
        round == 0 || FileOperation.exists("\(host)/python/\(round * 80).py") || child.hasEnded
      }
      killed += child.end() ? 1 : 0
      #expect(scratch.text("host/java/agent.jar") == "jar")
      for file in 0..<600 {
        let text = scratch.text("host/python/\(file).py")
        #expect(text == "\(file)" || text == nil && file < 500)
      }
    }
    #expect(killed > 0)
    try installation.install()
    #expect(try AgentTree(root: source).isComplete(at: "\(host)/.current/."))
    #expect(try FileOperation.names(in: "\(host)/.versions").count == 2)
  }
}
