import JSON

/// Cuts the body of a watch into lines and reads one event from each. A chunk is not a line: what is left of one is
/// carried over to the next.
struct WatchDecoder {
  /// No object of the API server is larger (etcd takes 1.5 MiB); a line beyond it is not a watch.
  static let maximumLineSize = 32 << 20

  private var carry: [UInt8] = []
  private var position = 0
  /// Up to where `carry` is known to have no line end.
  private var searched = 0

  /// Takes the next bytes of the body.
  mutating func feed(_ bytes: [UInt8]) {
    if position == carry.count {
      carry = bytes
      position = 0
      searched = 0
    } else {
      carry.removeSubrange(0..<position)
      searched -= position
      position = 0
      carry.append(contentsOf: bytes)
    }
  }

  /// The next whole event; nil until more bytes come.
  mutating func next() throws(KubeError) -> WatchEvent? {
    while let line = try nextLine() {
      if let event = try Self.event(line) { return event }
    }
    return nil
  }

  /// A last line without its end, once the body has ended. It is a cut event and of no use, but its text may tell.
  var isMidLine: Bool { position < carry.count }

  private mutating func nextLine() throws(KubeError) -> [UInt8]? {
    guard let end = carry[searched...].firstIndex(of: 0x0A) else {
      searched = carry.count
      guard carry.count - position <= Self.maximumLineSize else {
        throw .answer("a watch event is over \(Self.maximumLineSize) bytes")
      }
      return nil
    }
    let line = Array(carry[position..<end])
    position = end + 1
    searched = position
    if position == carry.count {
      carry = []
      position = 0
      searched = 0
    }
    return line
  }

  /// Nil for empty lines and for types of events that are newer than this client.
  private static func event(_ line: [UInt8]) throws(KubeError) -> WatchEvent? {
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return nil }
    let value: JSONValue
    do { value = try JSONValue(parsing: line) } catch { throw .answer("a watch event is not JSON: \(error)") }
    guard let type = value["type"]?.string, let object = value["object"] else {
      throw .answer("a watch event has no type or no object")
    }
    switch type {
    case "ADDED": return .added(object)
    case "MODIFIED": return .modified(object)
    case "DELETED": return .deleted(object)
    case "BOOKMARK":
      guard let version = object.at("metadata", "resourceVersion")?.string else {
        throw .answer("a bookmark has no resourceVersion")
      }
      return .bookmark(resourceVersion: version)
    case "ERROR": return .error(KubeError(statusObject: object, status: 500, request: ""))
    default: return nil
    }
  }
}
