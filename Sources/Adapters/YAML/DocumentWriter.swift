import CYAML
import JSON

/// Writes a value through libyaml's emitter.
final class DocumentWriter {
  private let emitter: UnsafeMutablePointer<yaml_emitter_t>
  private let output = Output()
  private var failed = false

  /// What the emitter's callback appends to.
  fileprivate final class Output {
    var bytes: [UInt8] = []
  }

  /// The document. Should the emitter fail, which it does for want of memory only, the JSON text, which is YAML too.
  static func write(_ value: JSONValue) -> String {
    let writer = DocumentWriter()
    writer.document(value)
    return String(decoding: writer.failed ? value.serialized() : writer.output.bytes, as: UTF8.self)
  }

  private init() {
    emitter = .allocate(capacity: 1)
    emitter.initialize(to: yaml_emitter_t())
    failed = yaml_emitter_initialize(emitter) != 1
    // Unretained: `output` lives as long as the emitter does.
    yaml_emitter_set_output(emitter, appendOutput, Unmanaged.passUnretained(output).toOpaque())
    yaml_emitter_set_unicode(emitter, 1)
    yaml_emitter_set_width(emitter, -1)
    yaml_emitter_set_indent(emitter, 2)
  }

  deinit {
    yaml_emitter_delete(emitter)
    emitter.deallocate()
  }

  private func document(_ value: JSONValue) {
    emit { yaml_stream_start_event_initialize($0, YAML_UTF8_ENCODING) }
    emit { yaml_document_start_event_initialize($0, nil, nil, nil, 1) }
    node(value)
    emit { yaml_document_end_event_initialize($0, 1) }
    emit { yaml_stream_end_event_initialize($0) }
    if !failed { failed = yaml_emitter_flush(emitter) != 1 }
  }

  private func node(_ value: JSONValue) {
    switch value {
    case .null: scalar("null", YAML_PLAIN_SCALAR_STYLE)
    case .bool(let truth): scalar(truth ? "true" : "false", YAML_PLAIN_SCALAR_STYLE)
    case .int(let number): scalar(String(number), YAML_PLAIN_SCALAR_STYLE)
    case .number(let literal): scalar(literal, YAML_PLAIN_SCALAR_STYLE)
    case .string(let text): string(text)
    case .array(let elements):
      emit { yaml_sequence_start_event_initialize($0, nil, nil, 1, YAML_BLOCK_SEQUENCE_STYLE) }
      for element in elements { node(element) }
      emit { yaml_sequence_end_event_initialize($0) }
    case .object(let object):
      emit { yaml_mapping_start_event_initialize($0, nil, nil, 1, YAML_BLOCK_MAPPING_STYLE) }
      for (name, member) in object {
        string(name)
        node(member)
      }
      emit { yaml_mapping_end_event_initialize($0) }
    }
  }

  private func string(_ text: String) {
    let style =
      if PlainString.isSafe(text) { YAML_PLAIN_SCALAR_STYLE } else if text.utf8.contains(UInt8(ascii: "\n")) {
        YAML_LITERAL_SCALAR_STYLE
      } else { YAML_DOUBLE_QUOTED_SCALAR_STYLE }
    // The emitter falls back to double quotes where the style cannot hold the text.
    scalar(text, style)
  }

  private func scalar(_ text: String, _ style: yaml_scalar_style_t) {
    var text = text
    text.withUTF8 { bytes in
      emit {
        yaml_scalar_event_initialize($0, nil, nil, bytes.baseAddress, Int32(clamping: bytes.count), 1, 1, style)
      }
    }
  }

  /// Makes an event and hands it to the emitter, which owns it from then on.
  private func emit(_ make: (UnsafeMutablePointer<yaml_event_t>) -> Int32) {
    guard !failed else { return }
    var event = yaml_event_t()
    failed = make(&event) != 1 || yaml_emitter_emit(emitter, &event) != 1
  }
}

private func appendOutput(
  _ context: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int
) -> Int32 {
  guard let context else { return 0 }
  let output = Unmanaged<DocumentWriter.Output>.fromOpaque(context).takeUnretainedValue()
  output.bytes += UnsafeBufferPointer(start: bytes, count: count)
  return 1
}
