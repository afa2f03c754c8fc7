import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging

/// Records Events (core/v1) about objects; the same event again raises its count. Failures are logged, never thrown.
public final class EventRecorder: Sendable {
  private let client: KubeClient
  private let component: String
  private let logger: Logger
  private let history = Locked(EventHistory())

  /// The API server refuses longer messages (core/v1 validation).
  private static let maximumMessageSize = 1024

  /// `component` is the reporter's name.
  public init(client: KubeClient, component: String, logger: Logger) {
    self.client = client
    self.component = component
    self.logger = logger
  }

  /// Records an event about an object.
  public func record<Resource: KubeResource>(_ object: Resource, warning: Bool = false, reason: String, message: String)
    async
  {
    await record(Resource.type, object.metadata, warning: warning, reason: reason, message: message)
  }

  /// Records an event about an object of a kind that is known only when the program runs.
  public func record(
    _ type: ResourceType, _ metadata: ObjectMeta, warning: Bool = false, reason: String, message: String
  ) async {
    let now = KubeTime.now
    let message = Self.shortened(message)
    let subject = EventHistory.Subject(
      kind: type.kind, key: ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name),
      uid: metadata.uid ?? "", isWarning: warning, reason: reason, message: message)
    do throws(KubeError) {
      if let known = history.withLock({ $0.again(subject) }) {
        let patch: JSONValue = ["count": .int(known.count), "lastTimestamp": .string(now.text)]
        do throws(KubeError) {
          _ = try await client.patch(Event.type, known.event, .merge, patch)
          return
        } catch {
          // Events live for an hour; one that is gone is written anew.
          if !error.isNotFound { throw error }
        }
      }
      let event = event(about: type, metadata, subject, at: now)
      _ = try await client.create(Event.type, event.json)
      history.withLock { $0.add(subject, event: event.key) }
    } catch {
      if !error.isCancelled { logger.warning("cannot record the event \(reason) of \(subject.key): \(error)") }
    }
  }

  private func event(
    about type: ResourceType, _ object: ObjectMeta, _ subject: EventHistory.Subject, at now: KubeTime
  ) -> Event {
    // As client-go: the object's name and the time in nanoseconds, in the default namespace for cluster objects.
    let suffix = String(now.microseconds &* 1000, radix: 16)
    var event = Event(
      name: "\(object.name.prefix(230)).\(suffix)",
      namespace: object.namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default")
    var involved: JSONValue = [
      "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
      "name": .string(object.name),
    ]
    if let namespace = object.namespace { involved["namespace"] = .string(namespace) }
    if let uid = object.uid { involved["uid"] = .string(uid) }
    if let version = object.resourceVersion { involved["resourceVersion"] = .string(version) }
    event.json["involvedObject"] = involved
    event.json["type"] = subject.isWarning ? "Warning" : "Normal"
    event.json["reason"] = .string(subject.reason)
    event.json["message"] = .string(subject.message)
    event.json["source"] = ["component": .string(component)]
    event.json["count"] = 1
    event.json["firstTimestamp"] = .string(now.text)
    event.json["lastTimestamp"] = .string(now.text)
    return event
  }

  private static func shortened(_ message: String) -> String {
    guard message.utf8.count > maximumMessageSize else { return message }
    var size = 0
    let prefix = message.prefix { character in
      size += String(character).utf8.count
      return size <= maximumMessageSize - 3
    }
    return "\(prefix)…"
  }
}

/// The events that were recorded last, so that the same one again raises a count instead of adding an object.
struct EventHistory: Sendable {
  /// What makes two events the same.
  struct Subject: Hashable, Sendable {
    var kind: String
    var key: ObjectKey
    var uid: String
    var isWarning: Bool
    var reason: String
    var message: String
  }
  private struct Entry: Sendable {
    var event: ObjectKey
    var count: Int
    var usedAt: Int
  }

  private let capacity: Int
  private var entries: [Subject: Entry] = [:]
  private var clock = 0

  init(capacity: Int = 512) { self.capacity = capacity }

  /// Counts a repetition; nil when the event is new.
  mutating func again(_ subject: Subject) -> (event: ObjectKey, count: Int)? {
    guard var entry = entries[subject] else { return nil }
    clock += 1
    entry.count += 1
    entry.usedAt = clock
    entries[subject] = entry
    return (entry.event, entry.count)
  }

  /// Remembers a new event and forgets the one that was not seen for the longest time.
  mutating func add(_ subject: Subject, event: ObjectKey) {
    clock += 1
    entries[subject] = Entry(event: event, count: 1, usedAt: clock)
    if entries.count > capacity, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
      entries[oldest.key] = nil
    }
  }
}
