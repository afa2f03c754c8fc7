import Glibc

/// Reads the files of `/proc/PID/maps`.
enum MappedFiles {
  /// Nobody maps more files; the rest is not looked at.
  static let maximumCount = 4096

  /// The paths, each once, in the order of the mappings.
  static func paths(_ text: [UInt8]) -> [String] {
    text.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return [] }
      var seen: Set<String> = []
      var result: [String] = []
      // The mappings of one file stand together.
      var last = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
      var start = 0
      while start < bytes.count, result.count < maximumCount {
        let left = bytes.count - start
        let end = memchr(base + start, 0x0A, left).map { $0 - UnsafeMutableRawPointer(mutating: base) } ?? bytes.count
        defer { start = end + 1 }
        guard let slash = memchr(base + start, 0x2F, end - start) else { continue }
        let place = slash - UnsafeMutableRawPointer(mutating: base)
        let path = UnsafeBufferPointer(start: base + place, count: end - place)
        if path.count == last.count, let known = last.baseAddress, memcmp(known, base + place, path.count) == 0 {
          continue
        }
        last = path
        let name = String(decoding: path, as: UTF8.self)
        if seen.insert(name).inserted { result.append(name) }
      }
      return result
    }
  }
}
