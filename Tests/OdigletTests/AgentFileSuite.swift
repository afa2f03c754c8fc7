import Glibc
import ProcessInspection
import TestSupport

@testable import Odiglet

/// A suite about the agent files of an image and of a node, each in a directory of the test's own.
protocol AgentFileSuite {
  var scratch: TemporaryDirectory { get }
}

extension AgentFileSuite {
  /// The image's agent files.
  var source: String { "\(scratch.path)/image" }

  /// The node's directory for them.
  var host: String { "\(scratch.path)/host" }

  /// The processes of the node, as the test writes them.
  var proc: ProcessTree { ProcessTree(root: "\(scratch.path)/proc") }

  func install(_ report: @escaping (String) -> Void = { _ in }) throws {
    try AgentInstallation(source: source, destination: host, report: report).install()
  }

  /// The trees of the node, without what is said of them.
  func trees() throws -> [String] {
    try FileOperation.names(in: "\(host)/.versions").filter { !$0.hasPrefix(".") }
  }

  /// A disk of its own for the node's directory, until `umount2`; answers false, with the reason printed, where none can
  /// be had.
  func mountDisk(_ size: String) -> Bool {
    mkdir(host, 0o755)
    if mount("tmpfs", host, "tmpfs", 0, "size=\(size)") == 0 { return true }
    print("skipped: a small disk cannot be mounted here (errno \(errno))")
    return false
  }
}

extension TemporaryDirectory {
  /// What is in a file; nil where there is none.
  func text(_ name: String) -> String? {
    var bytes: [UInt8] = []
    guard (try? FileOperation.read("\(path)/\(name)", { bytes += $0 })) != nil else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// One with an image of two agents, a file and a link to it, and a file.
  static func withAgents() throws -> TemporaryDirectory {
    let scratch = try TemporaryDirectory()
    try scratch.write("image/python/agent.py", "print('one')")
    symlink("agent.py", "\(scratch.path)/image/python/main.py")
    try scratch.write("image/java/agent.jar", "jar")
    return scratch
  }
}
