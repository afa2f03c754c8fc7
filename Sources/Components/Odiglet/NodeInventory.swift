import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging
import Policy

/// Keeps the annotation on the node that says which agent files it has, so that nothing is injected that is not there.
struct NodeInventory: Sendable {
  var nodeName: String
  /// Where the host's agent directory is mounted.
  var directory: String
  /// Whether this node agent answers agents by OpAMP.
  var hasOpAMPServer = false
  /// The distributions that this node agent instruments from the kernel.
  var kernelDistributions: Set<String> = []
  var client: KubeClient
  var logger: Logger

  /// Publishes what there is, and again when it changes, until the task is cancelled.
  func keep() async {
    var published: AgentInventoryReport?
    var backoff = Duration.seconds(1)
    while !Task.isCancelled {
      // How often it is looked whether the files have changed.
      var pause = Duration.seconds(5)
      if let report = report(), report != published {
        do throws(KubeError) {
          try await publish(report)
          published = report
          backoff = .seconds(1)
        } catch {
          pause = backoff
          backoff = min(backoff * 2, .seconds(60))
          logger.warning(
            "what the node has of agents could not be published; it is tried again",
            metadata: ["node": "\(nodeName)", "error": "\(error)"])
        }
      }
      await Beat.next(published == nil ? min(pause, backoff) : pause)
    }
  }

  private func publish(_ report: AgentInventoryReport) async throws(KubeError) {
    let value = JSONValue.string(String(decoding: report.json.serialized(), as: UTF8.self))
    _ = try await client.patch(
      Node.type, ObjectKey(name: nodeName), .merge, ["metadata": ["annotations": [OdigosAnnotation.nodeAgents: value]]])
    let names = report.inventory.distributions.sorted().joined(separator: ", ")
    logger.info(
      "said on the node which agents it has",
      metadata: ["distributions": "\(names)", "loader": "\(report.inventory.hasLoader)"])
  }

  /// What the node has now; nil while there are no agent files, which keeps what was said before: they come back
  /// before pods can have them.
  func report() -> AgentInventoryReport? {
    guard AgentInstallation.isPresent(in: directory) else { return nil }
    var report = written ?? AgentInventoryReport(inventory: AgentInventory(directories: Set(names)))
    report = report.limited { FileOperation.exists("\(directory)/\(AgentInstallation.currentName)/\($0)") }
    report.inventory.distributions.formUnion(kernelDistributions)
    report.inventory.hasOpAMPServer = hasOpAMPServer
    return report
  }

  /// What the image that the files came from has said of them.
  private var written: AgentInventoryReport? {
    let path = "\(directory)/\(AgentInstallation.currentName)/\(OdigosPath.agentInventory)"
    var text: [UInt8] = []
    guard (try? FileOperation.read(path, { text += $0 })) != nil else { return nil }
    return AgentInventoryReport(parsing: String(decoding: text, as: UTF8.self))
  }

  /// Files of a release that wrote no inventory.
  private var names: [String] {
    (try? FileOperation.names(in: "\(directory)/\(AgentInstallation.currentName)/.")) ?? []
  }
}
