import Glibc

/// Files that the configuration names.
enum FileContents {
  /// The bytes of a file.
  /// - Parameter setting: the path of the setting that names the file, for the error.
  static func read(_ path: String, for setting: String) throws(ConfigurationError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(path, setting) }
    defer { close(file) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count == 0 { return contents }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(path, setting) }
      contents += chunk[..<count]
      guard contents.count <= 64 << 20 else { throw ConfigurationError(["\(setting): \(path) is over 64 MiB"]) }
    }
  }

  private static func failure(_ path: String, _ setting: String) -> ConfigurationError {
    ConfigurationError(["\(setting): cannot read \(path): \(String(cString: strerror(errno)))"])
  }
}

extension ClientTLSSettings.Source {
  /// The PEM text.
  func contents(for setting: String) throws(ConfigurationError) -> [UInt8] {
    switch self {
    case .text(let text): Array(text.utf8)
    case .file(let path): try FileContents.read(path, for: setting)
    }
  }
}
