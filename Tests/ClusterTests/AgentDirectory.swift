import Foundation
import Glibc
import Testing

/// The directory of agent files of the node that the suite runs on.
///
/// The node is a mount namespace, in which the directory is a mount of one of the cluster's state.
enum AgentDirectory {
  static let path = "/var/odigos"
  /// What a full disk in its place is called among the mounts.
  private static let fullDisk = "odigos-full-disk"

  /// Where its files are in the state of the cluster; nil where the node is none of ours.
  static var source: String? {
    guard NodeAgent.isOnOurNode else { return nil }
    return ProcessInfo.processInfo.environment["STATE"].map { "\($0)/odigos" }
  }

  /// Lays a disk over it that has room for the bytes, so that copying begins, and not for as many files.
  static func coverWithAFullDisk() throws {
    try Cluster.run("mount", ["-t", "tmpfs", "-o", "size=1g,nr_inodes=400,mode=755", fullDisk, path])
  }

  /// Empties a directory but for a file where agent files are to be written: as long as that is there nothing can be put
  /// back, and the truth can be looked at.
  static func emptyAndHoldUpRepairs(_ directory: String) async throws {
    let files = FileManager.default
    // The node agent may be quicker in putting it back.
    try await eventually("a file in the place of agent files") {
      try? files.removeItem(atPath: "\(directory)/.aside")
      try? files.moveItem(atPath: "\(directory)/.versions", toPath: "\(directory)/.aside")
      return files.createFile(atPath: "\(directory)/.versions", contents: nil, attributes: nil)
        && isHeldUp(directory) ? nil : "it is a directory again"
    }
    for name in try files.contentsOfDirectory(atPath: directory) where name != ".versions" {
      do { try files.removeItem(atPath: "\(directory)/\(name)") } catch {
        // The node agent takes away, too.
        if access("\(directory)/\(name)", F_OK) == 0 { throw error }
      }
    }
  }

  /// Lets files be put back.
  static func endHoldUp() {
    if isHeldUp(path) { unlink("\(path)/.versions") }
  }

  private static func isHeldUp(_ directory: String) -> Bool {
    var status = stat()
    return lstat("\(directory)/.versions", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Makes the directory again and mounts it where the node has it: a container runtime makes the host's directory that a
  /// new container mounts, and on this node it is mounted as well.
  static func mountAgain() throws {
    guard let source else { return }
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    if identity(source) == identity(path) { return }
    try Cluster.run("umount", ["-l", path])
    try Cluster.run("mount", ["--bind", source, path])
  }

  /// Undoes whatever a test has done to it.
  static func restore() {
    guard source != nil else { return }
    let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    for line in mounts.split(separator: "\n") where line.hasPrefix("\(fullDisk) \(path) ") {
      _ = try? Cluster.run("umount", ["-l", path])
    }
    do { try mountAgain() } catch { print("\(path) is not put back: \(error)") }
    endHoldUp()
  }

  private static func identity(_ path: String) -> [UInt64] {
    var status = stat()
    guard stat(path, &status) == 0 else { return [] }
    return [UInt64(status.st_dev), UInt64(status.st_ino)]
  }
}
