/// The exporter `debug`: telemetry for people to read.
struct DebugExporterSettings: Sendable, Equatable {
  /// How much is said.
  enum Verbosity: String, CaseIterable, Sendable {
    /// Counts.
    case basic
    /// A line for each item.
    case normal
    /// All fields.
    case detailed
  }

  var verbosity: Verbosity

  init(_ settings: Settings) {
    verbosity = settings.choice("verbosity", default: .basic)
    for key in ["sampling_initial", "sampling_thereafter", "use_internal_logger"] {
      settings.refuse(key, "everything is shown; remove the key")
    }
  }
}

/// The exporter `file`: one line of OTLP/JSON, or one length-prefixed protobuf message, for each batch.
struct FileExporterSettings: Sendable, Equatable {
  /// How batches are written.
  enum Format: String, CaseIterable, Sendable {
    case json
    /// Each message after its length as four bytes, the highest first.
    case proto
  }

  /// When a new file is begun.
  struct Rotation: Sendable, Equatable {
    var maximumSize: Int
    /// How many old files are kept; the oldest goes first.
    var maximumBackups: Int
  }

  var path: String
  var format: Format
  /// Whether to go on after what the file holds; without it the file begins empty.
  var appends: Bool
  var rotation: Rotation?

  init(_ settings: Settings) {
    path = settings.string("path") ?? ""
    if path.isEmpty { settings.problem("path", "the name of a file is needed") }
    format = settings.choice("format", default: .json)
    appends = settings.bool("append", default: false)
    if let value = settings.raw("rotation"), !value.isNull {
      let section = settings.section("rotation")
      rotation = Rotation(
        maximumSize: section.int("max_megabytes", default: 100, in: 1...1 << 20) << 20,
        maximumBackups: section.int("max_backups", default: 100, in: 1...10_000))
      section.refuse("max_days", "old files are bounded by max_backups")
      section.refuse("localtime", "old files are numbered; remove the key")
      section.finish()
      if path.hasPrefix("/dev/") { settings.problem("rotation", "a device cannot be rotated") }
    }
    settings.refuse("compression", "it writes plain files; remove the key")
    settings.refuse("encoding", "use format")
    settings.refuse("flush_interval", "every batch is written at once; remove the key")
    settings.refuse("group_by", "it writes one file; remove the key")
    settings.refuse("create_directory", "make the directory beforehand")
  }
}
