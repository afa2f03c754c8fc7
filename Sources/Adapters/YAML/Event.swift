import CYAML

/// One event of libyaml's parser, copied out of its memory.
struct Event {
  /// The properties of a sequence or mapping.
  struct Collection {
    var anchor: String?
    var tag: String?
  }

  enum Kind {
    case documentStart, sequenceEnd, mappingEnd, streamEnd, other
    case alias(String)
    case scalar(Scalar)
    case sequenceStart(Collection)
    case mappingStart(Collection)
  }

  var kind: Kind
  private var start: yaml_mark_t

  init(_ event: yaml_event_t) {
    start = event.start_mark
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: kind = .documentStart
    case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
    case YAML_MAPPING_END_EVENT: kind = .mappingEnd
    case YAML_STREAM_END_EVENT: kind = .streamEnd
    case YAML_ALIAS_EVENT: kind = .alias(text(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      kind = .scalar(
        Scalar(
          text: String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
          tag: text(scalar.tag), anchor: text(scalar.anchor)))
    case YAML_SEQUENCE_START_EVENT:
      let sequence = event.data.sequence_start
      kind = .sequenceStart(Collection(anchor: text(sequence.anchor), tag: text(sequence.tag)))
    case YAML_MAPPING_START_EVENT:
      let mapping = event.data.mapping_start
      kind = .mappingStart(Collection(anchor: text(mapping.anchor), tag: text(mapping.tag)))
    default: kind = .other
    }
  }

  /// Whether this is the plain scalar `<<`.
  var isMergeKey: Bool {
    guard case .scalar(let scalar) = kind else { return false }
    return scalar.isPlain && scalar.text == "<<" && scalar.tag == nil
  }

  /// An error that names the place of this event.
  func error(_ problem: String) -> YAMLError { YAMLError("\(start.place): \(problem)") }
}

private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
  pointer.map { String(cString: $0) }
}
