import Concurrency
import Glibc
import JSON
import Telemetry

/// Writes batches to a file.
final class FileSender: TelemetrySender {
  private struct State {
    var descriptor: Int32
    var size: Int
  }

  private let settings: FileExporterSettings
  private let state: Locked<State>

  /// Opens the file.
  init(_ settings: FileExporterSettings) throws(ConfigurationError) {
    self.settings = settings
    let descriptor = Self.open(settings.path, appends: settings.appends)
    guard descriptor >= 0 else {
      throw ConfigurationError(["file exporter: cannot open \(settings.path): \(String(cString: strerror(errno)))"])
    }
    state = Locked(State(descriptor: descriptor, size: Self.size(of: descriptor)))
  }

  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
    let record = try record(batch)
    let settings = settings
    try state.withLock { state throws(DeliveryError) in
      if let rotation = settings.rotation, state.size > 0, state.size + record.count > rotation.maximumSize {
        try Self.rotate(&state, settings.path, rotation)
      }
      try Self.write(record, to: state.descriptor, settings.path)
      state.size += record.count
    }
    return 0
  }

  deinit { closeFile() }

  func close() async { closeFile() }

  private func closeFile() {
    state.withLock { state in
      if state.descriptor >= 0 { Glibc.close(state.descriptor) }
      state.descriptor = -1
    }
  }

  private func record(_ batch: TelemetryBatch) throws(DeliveryError) -> [UInt8] {
    switch settings.format {
    case .json:
      do {
        return try batch.json().serialized() + [UInt8(ascii: "\n")]
      } catch {
        throw .permanent(error.description)
      }
    case .proto:
      let count = UInt32(clamping: batch.bytes.count)
      return withUnsafeBytes(of: count.bigEndian) { Array($0) } + batch.bytes
    }
  }

  private static func open(_ path: String, appends: Bool) -> Int32 {
    // A terminal or pipe behind /dev/stdout is opened anew, which ignores both flags.
    Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (appends ? 0 : O_TRUNC), 0o644)
  }

  private static func size(of descriptor: Int32) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return 0 }
    return Int(status.st_size)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(DeliveryError) {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { throw .retryable("cannot write \(path): \(String(cString: strerror(errno)))") }
      done += count
    }
  }

  /// Renames `path` to `path.1`, `path.1` to `path.2` and so on, and begins `path` anew.
  private static func rotate(
    _ state: inout sending State, _ path: String, _ rotation: FileExporterSettings.Rotation
  ) throws(DeliveryError) {
    let kept = (1...rotation.maximumBackups).prefix { access("\(path).\($0)", F_OK) == 0 }.count
    for number in stride(from: min(kept, rotation.maximumBackups - 1), to: 0, by: -1) {
      rename("\(path).\(number)", "\(path).\(number + 1)")
    }
    rename(path, "\(path).1")
    let descriptor = open(path, appends: false)
    guard descriptor >= 0 else { throw .retryable("cannot open \(path): \(String(cString: strerror(errno)))") }
    Glibc.close(state.descriptor)
    state.descriptor = descriptor
    state.size = 0
  }
}
