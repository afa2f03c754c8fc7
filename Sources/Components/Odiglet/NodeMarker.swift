import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import KubeletPlugin
import Logging
import Policy

/// Keeps the node's label and taints as `NodeMark` wants them, also when somebody else changes them.
struct NodeMarker: Sendable {
  var nodeName: String
  var namespace: String
  var client: KubeClient
  var logger: Logger
  var readiness: Readiness
  var nodes: Informer<Node>

  /// The node itself, and nothing else of it than is read.
  static func informer(_ nodeName: String, _ client: KubeClient, _ logger: Logger) -> Informer<Node> {
    Informer<Node>(
      client: client, options: ListOptions(fieldSelector: "metadata.name=\(nodeName)"), logger: logger,
      keep: NodeMark.trimmed)
  }

  /// Runs until the task is cancelled; run the informer beside it.
  func run() async {
    let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    nodes.onChange { _, _ in continuation.yield() }
    readiness.onChange { continuation.yield() }
    let clock = Task {
      while !Task.isCancelled {
        await Beat.next(.seconds(5))
        continuation.yield()
      }
    }
    defer { clock.cancel() }
    let start = ContinuousClock.now
    var mark = NodeMark()
    var complaint = Complaint()
    for await _ in signals {
      mark.receive(
        isReady: readiness.isReady, hasFiles: readiness.isMet(ReadinessCondition.agentFiles),
        at: ContinuousClock.now - start)
      guard let isWanted = mark.isWanted, let node = nodes.get(ObjectKey(name: nodeName)),
        let patch = NodeMark.patch(node, isWanted: isWanted)
      else { continue }
      await apply(patch, &complaint)
    }
  }

  private func apply(_ patch: JSONValue, _ complaint: inout Complaint) async {
    do throws(KubeError) {
      _ = try await client.patch(Node.type, ObjectKey(name: nodeName), .merge, patch)
      logger.info(
        "marked the node",
        metadata: ["node": "\(nodeName)", "patch": "\(String(decoding: patch.serialized(), as: UTF8.self))"])
      complaint = Complaint()
    } catch {
      // A conflict means that the node has changed: the informer says how.
      guard error.status != 409, complaint.isDue("\(error)", at: .now) else { return }
      logger.warning(
        "the node could not be labelled; it is tried again", metadata: ["node": "\(nodeName)", "error": "\(error)"])
    }
  }

  /// Takes the label away if the agent leaves for good. Call it at the end; it takes a few seconds at most.
  func leave() async {
    let work = Task {
      do {
        let daemonSet = try await client.get(
          DaemonSet.self, ObjectKey(namespace: namespace, name: OdigosName.odiglet))
        let key = ObjectKey(name: nodeName)
        guard let node = nodes.get(key),
          NodeMark.isLeaving(daemonSet: daemonSet?.json, nodeLabels: node.metadata.labels),
          let patch = NodeMark.patch(node, isWanted: false)
        else { return }
        _ = try await client.patch(Node.type, key, .merge, patch)
        logger.notice("the agent leaves the node for good; its label is gone", metadata: ["node": "\(nodeName)"])
      } catch {
        logger.warning("the node keeps its label", metadata: ["node": "\(nodeName)", "error": "\(error)"])
      }
    }
    let limit = Task {
      try? await Task.sleep(for: .seconds(4))
      work.cancel()
    }
    await work.value
    limit.cancel()
  }
}
