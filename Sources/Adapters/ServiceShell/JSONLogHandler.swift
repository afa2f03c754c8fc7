import Glibc
import Logging

/// Writes each entry as one line of JSON: time, level, logger, message, then the metadata.
struct JSONLogHandler: LogHandler {
  private let label: String
  private let descriptor: Int32
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  init(label: String, level: Logger.Level, descriptor: Int32 = 2) {
    self.label = label
    self.descriptor = descriptor
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
    if let own = event.metadata { fields.merge(own) { $1 } }
    if let error = event.error { fields["error"] = "\(error)" }
    write(event.level, event.message.description, fields)
  }

  func write(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata = [:]) {
    var line = LogLine()
    line.add("time", LogLine.timestamp())
    line.add("level", level.rawValue)
    line.add("logger", label)
    line.add("message", message)
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) { line.add(name, value) }
    // One call for the whole line, so that lines of other threads do not cut it.
    LogDescriptor.write(line.finished().span, to: descriptor)
  }
}

/// Where log lines go.
enum LogDescriptor {
  /// Writes the bytes; gives up where the descriptor takes none, because there is nobody to tell.
  static func write(_ bytes: Span<UInt8>, to descriptor: Int32) {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = Glibc.write(descriptor, part.baseAddress, part.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }
}
