import Foundation
import Glibc
import JSON
import Testing

/// Odiglet on the node that the suite runs on.
enum NodeAgent {
  static let directory = "/var/lib/kubelet/device-plugins"
  static let kubeletSocket = "\(directory)/kubelet.sock"
  static let pluginSocket = "\(directory)/instrumentation.odigos.io_generic"

  /// Whether the suite runs on the node, where it can reach its files.
  static let isOnOurNode = Cluster.isGiven && access(directory, F_OK) == 0

  struct Usage: CustomStringConvertible {
    var process: pid_t
    var descriptors: Int
    var kilobytes: Int
    var description: String { "process \(process), \(descriptors) descriptors, \(kilobytes) kB" }
  }

  static func usage() throws -> Usage {
    for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
      guard let process = pid_t(entry),
        let status = try? String(contentsOfFile: "/proc/\(entry)/status", encoding: .utf8),
        status.hasPrefix("Name:\todiglet\n"),
        let arguments = try? String(contentsOfFile: "/proc/\(entry)/cmdline", encoding: .utf8),
        arguments.split(separator: "\0").count == 1
      else { continue }
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
      let kilobytes = line?.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap { Int($0) }
      return Usage(
        process: process,
        descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/\(entry)/fd").count,
        kilobytes: kilobytes ?? 0)
    }
    throw Cluster.Failure(description: "odiglet does not run")
  }

  private static func pods() throws -> [JSONValue] {
    try Cluster.list("pods", in: Cluster.systemNamespace, selector: "app.kubernetes.io/name=odiglet")
  }

  private static func pod() throws -> JSONValue {
    let pods = try pods().filter { !PodEnd.isWanted($0) }
    // One without an address has not been started, or is of a node that does not exist.
    guard let pod = pods.first(where: { $0.at("status", "podIP") != nil }) ?? pods.first else {
      throw Cluster.Failure(description: "odiglet has no pod")
    }
    return pod
  }

  /// How often its container was started again.
  static func restarts() throws -> Int { try pod().at("status", "containerStatuses")?[0]?["restartCount"]?.int ?? 0 }

  /// The URL of a page of its admin port.
  static func address(_ path: String) throws -> String {
    guard let address = try pod().at("status", "podIP")?.string else {
      throw Cluster.Failure(description: "odiglet has no address")
    }
    return "http://\(address):8081\(path)"
  }

  /// What `/readyz` says.
  static func readiness() throws -> (isReady: Bool, text: String) {
    let text = try Cluster.run("curl", ["-s", "-m", "5", try address("/readyz")])
    return (text.hasSuffix("\nready\n"), text)
  }

  static func log(_ container: String) throws -> String {
    let name = try pod().at("metadata", "name")?.string ?? ""
    return try Cluster.kubectl("logs", "-n", Cluster.systemNamespace, name, "-c", container, "--tail=50")
  }

  /// Deletes its pod and waits for another one, which the DaemonSet makes when the old one's object is gone.
  static func recreatePod() async throws {
    PodEnd.keepLogs(of: "odiglet")
    let old = Set(try pods().compactMap { $0.at("metadata", "uid")?.string })
    try Cluster.kubectl(
      "delete", "pod", "-n", Cluster.systemNamespace, "-l", "app.kubernetes.io/name=odiglet", "--wait=false")
    try await eventually("another pod of odiglet", within: .seconds(600)) {
      try PodEnd.forget(in: Cluster.systemNamespace)
      let pods = try pods().filter { !PodEnd.isWanted($0) }
      let isNew = pods.contains { !old.contains($0.at("metadata", "uid")?.string ?? "") }
      return isNew ? nil : "\(pods.count) pods, none of them new"
    }
  }

  /// Keeps it off every node, or lets it come back.
  static func keepAway(_ away: Bool) throws {
    let selector: JSONValue = .object([InstallationState.nowhere: away ? "true" : .null])
    let patch: JSONValue = ["spec": ["template": ["spec": ["nodeSelector": selector]]]]
    try Cluster.kubectl(
      "patch", "daemonset", "odiglet", "-n", Cluster.systemNamespace, "--type=merge", "-p",
      String(decoding: patch.serialized(), as: UTF8.self))
  }

  /// Gives it another image.
  static func setImage(_ image: String) throws {
    try Cluster.kubectl(
      "set", "image", "daemonset/odiglet", "-n", Cluster.systemNamespace, "init=\(image)", "odiglet=\(image)")
  }

  /// Whether somebody takes calls where device plugins register.
  static func kubeletAnswers() -> Bool {
    let call = ["curl", "-s", "-o", "/dev/null", "-m", "5", "--unix-socket", kubeletSocket, "http://kubelet/"]
    let couldNotConnect: Int32 = 7
    return (try? ChildProgram.run(call, input: nil).status) != couldNotConnect
  }

  /// Waits until odiglet is ready and the node offers the device.
  static func waitUntilReady(within limit: Duration = .seconds(600)) async throws {
    try await eventually("the node agent", within: limit) {
      let readiness = try readiness()
      guard readiness.isReady else { return readiness.text }
      let node = try Cluster.list("nodes", in: nil).first
      let count = node?.at("status", "allocatable", "instrumentation.odigos.io/generic")?.string ?? "none"
      return Int(count) ?? 0 > 0 ? nil : "allocatable: \(count)"
    }
  }

  /// Waits for the registration with a kubelet whose socket is newer than `old`; answers the seconds between the two, by
  /// the times of the sockets: ours is made anew right before it is registered.
  static func waitForRegistration(after old: Double?) async throws -> Double {
    try await eventually("registration") {
      guard let kubelet = time(of: kubeletSocket), let plugin = time(of: pluginSocket) else { return "no sockets" }
      guard kubelet != old else { return "the kubelet's socket is the old one" }
      guard plugin >= kubelet else { return "the plugin's socket is older than the kubelet's" }
      return try readiness().isReady ? nil : "not ready"
    }
    return (time(of: pluginSocket) ?? 0) - (time(of: kubeletSocket) ?? 0)
  }

  static func time(of path: String) -> Double? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
  }
}

/// A socket that takes connections and says nothing.
final class SilentSocket {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isBound, listen(descriptor, 16) == 0 else { throw Cluster.Failure(description: "\(path): errno \(errno)") }
  }

  var hasBeenCalled: Bool {
    let peer = accept(descriptor, nil, nil)
    return peer >= 0
  }

  func close() { Glibc.close(descriptor) }
}
