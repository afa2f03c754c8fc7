import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import KubeletPlugin
import Logging
import Policy

/// Keeps the node's label, annotation and taints as `NodeMark` wants them, also when somebody else changes them or makes
/// the node's object anew.
struct NodeMarker: Sendable {
  var nodeName: String
  var namespace: String
  var client: KubeClient
  var logger: Logger
  var readiness: Readiness
  var inventory: NodeInventory
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
    var retry = Retry()
    for await _ in signals {
      mark.receive(
        isReady: readiness.isReady, hasFiles: readiness.isMet(ReadinessCondition.agentFiles),
        at: ContinuousClock.now - start)
      guard retry.time <= .now, let node = nodes.get(ObjectKey(name: nodeName)),
        let patch = NodeMark.patch(node, isWanted: mark.isWanted, agents: inventory.report())
      else { continue }
      await apply(patch, &retry)
    }
  }

  /// When a patch may be tried that failed before: of many nodes, all may fail at once.
  private struct Retry {
    var time = ContinuousClock.now
    var pause = Duration.seconds(1)
    var complaint = Complaint()
  }

  private func apply(_ patch: JSONValue, _ retry: inout Retry) async {
    do throws(KubeError) {
      _ = try await client.patch(Node.type, ObjectKey(name: nodeName), .merge, patch)
      logger.info(
        "marked the node",
        metadata: ["node": "\(nodeName)", "patch": "\(String(decoding: patch.serialized(), as: UTF8.self))"])
      retry = Retry()
    } catch {
      // A conflict means that the node has changed: the informer says how.
      guard error.status != 409 else { return }
      retry.time = .now + retry.pause
      retry.pause = min(retry.pause * 2, .seconds(60))
      guard retry.complaint.isDue("\(error)", at: .now) else { return }
      logger.warning(
        "the node could not be marked; it is tried again", metadata: ["node": "\(nodeName)", "error": "\(error)"])
    }
  }

  /// Takes label and annotation away if the agent leaves for good: a node without an agent must not go on deciding what
  /// may be injected elsewhere. Call it at the end; it takes a few seconds at most.
  func leave() async {
    let work = Task {
      do {
        let daemonSet = try await client.get(
          DaemonSet.self, ObjectKey(namespace: namespace, name: OdigosName.odiglet))
        let key = ObjectKey(name: nodeName)
        // The informer may not have heard yet of what was written last, so nothing is compared.
        guard NodeMark.isLeaving(daemonSet: daemonSet?.json, nodeLabels: nodes.get(key)?.metadata.labels) else {
          return
        }
        _ = try await client.patch(Node.type, key, .merge, NodeMark.leaving)
        logger.notice(
          "the agent leaves the node for good; its label and annotation are gone", metadata: ["node": "\(nodeName)"])
      } catch {
        logger.warning(
          "the node keeps its label and annotation", metadata: ["node": "\(nodeName)", "error": "\(error)"])
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
