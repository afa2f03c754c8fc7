import JSON
import KubeObjects
import Testing

@testable import KubeRuntime

private func map(_ name: String, _ version: String) -> ConfigMap {
  var map = ConfigMap(name: name, namespace: "n")
  map.json.set(["metadata", "resourceVersion"], .string(version))
  return map
}

private func keyed(_ maps: [ConfigMap]) -> [ObjectKey: ConfigMap] {
  Dictionary(uniqueKeysWithValues: maps.map { ($0.key, $0) })
}

private func words(_ changes: [ObjectStore<ConfigMap>.Change]) -> [String] {
  changes.map { change in
    let old = change.old?.metadata.resourceVersion ?? "-"
    let new = change.new?.metadata.resourceVersion ?? "-"
    return "\((change.new ?? change.old)?.name ?? "") \(old)>\(new)"
  }
}

@Suite struct ObjectStoreTests {
  @Test func replacingTellsWhatDiffers() {
    var store = ObjectStore<ConfigMap>()
    #expect(words(store.replace(keyed([map("b", "1"), map("a", "1"), map("c", "1")]))) == ["a ->1", "b ->1", "c ->1"])
    #expect(words(store.replace(keyed([map("a", "1"), map("c", "2"), map("d", "3")]))) == ["b 1>-", "c 1>2", "d ->3"])
    #expect(store.objects.count == 3)
  }

  @Test func aVersionThatIsThereIsNoChange() {
    var store = ObjectStore<ConfigMap>()
    let object = map("a", "1")
    #expect(store.set(object.key, object) != nil)
    #expect(store.set(object.key, object) == nil)
    #expect(store.set(object.key, map("a", "2"))?.old == object)
    #expect(store.remove(object.key)?.new == nil)
    #expect(store.remove(object.key) == nil)
  }
}

@Suite struct EventHistoryTests {
  private func subject(_ message: String) -> EventHistory.Subject {
    EventHistory.Subject(
      kind: "Pod", key: ObjectKey(namespace: "n", name: "p"), uid: "u", isWarning: false, reason: "R", message: message)
  }

  @Test func countsRepetitions() {
    var history = EventHistory()
    #expect(history.again(subject("x")) == nil)
    history.add(subject("x"), event: ObjectKey(namespace: "n", name: "p.1"))
    #expect(history.again(subject("x"))?.count == 2)
    #expect(history.again(subject("x"))?.count == 3)
    #expect(history.again(subject("y")) == nil)
  }

  @Test func forgetsTheLeastRecentlyUsed() {
    var history = EventHistory(capacity: 2)
    for message in ["a", "b"] { history.add(subject(message), event: ObjectKey(name: message)) }
    #expect(history.again(subject("a")) != nil)
    history.add(subject("c"), event: ObjectKey(name: "c"))
    #expect(history.again(subject("b")) == nil)
    #expect(history.again(subject("a")) != nil)
    #expect(history.again(subject("c")) != nil)
  }
}
