import Foundation
import Glibc
import JSON
import TestSupport
import Testing

/// What the node agent says of itself to all who ask, at one moment.
struct NodeTruth: Equatable, CustomStringConvertible {
  /// `/livez`.
  var isLive: Bool
  /// `/readyz`.
  var isReady: Bool
  /// The gRPC health service of the device plugin's socket; nil where no Python here speaks gRPC.
  var serves: Bool?
  /// Whether the node offers devices.
  var hasDevices: Bool

  var description: String {
    "live \(isLive), ready \(isReady), gRPC \(serves.map { "\($0)" } ?? "not asked"), devices \(hasDevices)"
  }

  static let good = NodeTruth(isLive: true, isReady: true, serves: true, hasDevices: true)
  static let withoutFiles = NodeTruth(isLive: true, isReady: false, serves: false, hasDevices: false)
  static let withoutDirectory = NodeTruth(isLive: false, isReady: false, serves: false, hasDevices: false)

  static func now() throws -> NodeTruth {
    let status = try Cluster.run(
      "curl", ["-s", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", try NodeAgent.address("/livez")])
    let node = try Cluster.list("nodes", in: nil).first
    let count = node?.at("status", "allocatable", "instrumentation.odigos.io/generic")?.string ?? "0"
    return NodeTruth(
      isLive: status == "200", isReady: try NodeAgent.readiness().isReady, serves: try health(),
      hasDevices: count != "0")
  }

  /// Waits until everybody is told that.
  static func wait(_ what: String, _ wanted: NodeTruth, within limit: Duration = .seconds(600)) async throws {
    try await eventually(what, within: limit) {
      var found = try now()
      if found.serves == nil { found.serves = wanted.serves }
      return found == wanted ? nil : "\(found)"
    }
  }

  /// Asks with Python's gRPC; a socket that does not answer is one that does not serve.
  private static func health() throws -> Bool? {
    guard let python = PythonInterpreter.importing("grpc") else { return nil }
    // HealthCheckResponse (grpc.health.v1): field 1 is the status, 1 is SERVING.
    let program = """
      import grpc, sys
      channel = grpc.insecure_channel("unix:" + sys.argv[1])
      try: print(channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5) == b"\\x08\\x01")
      except grpc.RpcError: print(False)
      """
    return try Cluster.run(python, ["-c", program, NodeAgent.pluginSocket]).hasPrefix("True")
  }
}
