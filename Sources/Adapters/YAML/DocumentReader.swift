import CYAML
import JSON

/// Reads the events of libyaml's parser into values.
final class DocumentReader {
  /// The most values that aliases may stand for in one text, against exponential expansion.
  private static let maximumAliasedValues = 100_000

  private let text: [UInt8]
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var anchors: [String: (value: JSONValue, size: Int)] = [:]
  private var aliasedValues = 0

  init(_ text: [UInt8]) {
    self.text = text
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  func documents() throws(YAMLError) -> [JSONValue] {
    guard yaml_parser_initialize(parser) == 1 else { throw YAMLError("no memory for the YAML parser") }
    // libyaml keeps the pointer: every event must be read while it is valid.
    return try text.withUnsafeBufferPointer { bytes throws(YAMLError) in
      yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
      var documents: [JSONValue] = []
      while true {
        switch try next().kind {
        case .documentStart:
          anchors = [:]
          documents.append(try node(try next(), depth: 0).value)
        case .streamEnd: return documents
        default: break
        }
      }
    }
  }

  /// One value and how many values it holds with itself.
  private typealias Node = (value: JSONValue, size: Int)

  private func node(_ event: Event, depth: Int) throws(YAMLError) -> Node {
    let result: Node
    let anchor: String?
    switch event.kind {
    case .alias(let name):
      guard let known = anchors[name] else { throw event.error("no anchor &\(name) precedes the alias *\(name)") }
      aliasedValues += known.size
      guard aliasedValues <= Self.maximumAliasedValues else {
        throw event.error("aliases stand for more than \(Self.maximumAliasedValues) values")
      }
      return known
    case .scalar(let scalar):
      do {
        result = (try scalar.resolved(), 1)
      } catch {
        throw event.error(error.description)
      }
      anchor = scalar.anchor
    case .sequenceStart(let collection):
      try check(collection, "seq", event, depth)
      result = try sequence(depth: depth)
      anchor = collection.anchor
    case .mappingStart(let collection):
      try check(collection, "map", event, depth)
      result = try mapping(depth: depth)
      anchor = collection.anchor
    default: throw event.error("a value is expected")
    }
    if let anchor { anchors[anchor] = result }
    return result
  }

  private func check(_ collection: Event.Collection, _ kind: String, _ event: Event, _ depth: Int) throws(YAMLError) {
    if let tag = collection.tag, tag != "!", tag != YAMLTag.prefix + kind {
      throw event.error("the tag \(tag) is not supported")
    }
    guard depth < YAML.maximumDepth else {
      throw event.error("more than \(YAML.maximumDepth) mappings and sequences inside one another")
    }
  }

  private func sequence(depth: Int) throws(YAMLError) -> Node {
    var elements: [JSONValue] = []
    var size = 1
    while true {
      let event = try next()
      if case .sequenceEnd = event.kind { return (.array(elements), size) }
      let element = try node(event, depth: depth + 1)
      elements.append(element.value)
      size += element.size
    }
  }

  private func mapping(depth: Int) throws(YAMLError) -> Node {
    var members = MemberList()
    var merged: [JSONObject] = []
    var size = 1
    while true {
      let event = try next()
      if case .mappingEnd = event.kind { break }
      let isMerge = event.isMergeKey
      let name = try key(event)
      let valueEvent = try next()
      let value = try node(valueEvent, depth: depth + 1)
      size += value.size
      if isMerge {
        merged += try mergeSources(value.value, valueEvent)
      } else if !members.insert(name, value.value) {
        throw event.error("the key \"\(name)\" stands twice in this mapping")
      }
    }
    for source in merged {
      for (name, value) in source { _ = members.insert(name, value) }
    }
    return (.object(members.object), size)
  }

  /// What `<<` brings in: one mapping, or several of which the first wins.
  private func mergeSources(_ value: JSONValue, _ event: Event) throws(YAMLError) -> [JSONObject] {
    var sources: [JSONObject] = []
    for candidate in value.array ?? [value] {
      guard let object = candidate.object else { throw event.error("<< needs a mapping or a list of mappings") }
      sources.append(object)
    }
    return sources
  }

  /// JSON has string keys only: other scalars become their text.
  private func key(_ event: Event) throws(YAMLError) -> String {
    let value: JSONValue
    switch event.kind {
    case .scalar, .alias: value = try node(event, depth: 0).value
    default: throw event.error("a key must be a scalar")
    }
    switch value {
    case .string(let text): return text
    case .int(let number): return String(number)
    case .number(let literal): return literal
    case .bool(let truth): return truth ? "true" : "false"
    default: throw event.error("a key must be text, a number or a truth value")
    }
  }

  private func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw parserError() }
    defer { yaml_event_delete(&event) }
    return Event(event)
  }

  private func parserError() -> YAMLError {
    guard let problem = parser.pointee.problem else { return YAMLError("the text cannot be read") }
    var words = String(cString: problem)
    // A reader error comes before marks exist; it knows the byte.
    if parser.pointee.error == YAML_READER_ERROR {
      return YAMLError("\(place(ofByte: Int(parser.pointee.problem_offset))): \(words)")
    }
    if let context = parser.pointee.context {
      words += " \(String(cString: context)) that begins at \(parser.pointee.context_mark.place)"
    }
    return YAMLError("\(parser.pointee.problem_mark.place): \(words)")
  }

  private func place(ofByte offset: Int) -> String {
    let before = text.prefix(max(0, offset))
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return "line \(line), column \(before.count - lineStart + 1)"
  }
}

/// Names and values in order, without the quadratic search for a name that `JSONObject` would make of a long mapping.
private struct MemberList {
  private var names: Set<String> = []
  private(set) var object = JSONObject()

  /// Adds a member unless one of that name is there.
  mutating func insert(_ name: String, _ value: JSONValue) -> Bool {
    guard names.insert(name).inserted else { return false }
    object[name] = value
    return true
  }
}

extension yaml_mark_t {
  /// Line and column as people count them.
  var place: String { "line \(line + 1), column \(column + 1)" }
}
