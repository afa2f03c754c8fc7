/// Makes small 64-bit ELF files with what the reader looks for.
struct ELFBuilder {
  /// Where the writable segment is loaded.
  static let address: UInt64 = 0x400000

  /// The content of the writable segment.
  var data: [UInt8] = [0]
  /// Writable segments before that one.
  var relocated: [[UInt8]] = []
  var interpreter: String?
  var needed: [String] = []
  var sections: [String: [UInt8]] = [:]

  private static func integer(_ value: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static func segment(_ type: Int, _ flags: Int, at offset: Int, _ address: Int, _ size: Int) -> [UInt8] {
    integer(type, 4) + integer(flags, 4) + integer(offset, 8) + integer(address, 8) + integer(address, 8)
      + integer(size, 8) + integer(size, 8) + integer(4096, 8)
  }

  /// Header, program headers, the parts that they name, the sections, their names, the table of sections.
  var bytes: [UInt8] {
    let strings: [UInt8] = [0] + needed.flatMap { Array($0.utf8) + [0] as [UInt8] }
    var place = 1
    var dynamic: [UInt8] = []
    for name in needed {
      dynamic += Self.integer(1, 8) + Self.integer(place, 8)
      place += name.utf8.count + 1
    }
    let loader: [UInt8] = interpreter.map { Array($0.utf8) + [0] } ?? []
    let count = 1 + relocated.count + (interpreter == nil ? 0 : 1) + (needed.isEmpty ? 0 : 1)
    let first = 64 + 56 * count
    let start = first + relocated.joined().count
    let stringsOffset = start + data.count + loader.count
    let base = Int(Self.address)
    dynamic += Self.integer(5, 8) + Self.integer(base + stringsOffset - start, 8) + Self.integer(0, 16)
    let dynamicOffset = stringsOffset + strings.count
    let body = data + loader + strings + dynamic
    var headers: [UInt8] = []
    var offset = first
    for part in relocated {
      headers += Self.segment(1, 6, at: offset, 0x10000 + offset - first, part.count)
      offset += part.count
    }
    headers += Self.segment(1, 6, at: start, base, body.count)
    if interpreter != nil { headers += Self.segment(3, 4, at: start + data.count, 0, loader.count) }
    if !needed.isEmpty { headers += Self.segment(2, 6, at: dynamicOffset, 0, dynamic.count) }
    let (tail, table, number) = sectionBytes(from: start + body.count)
    return header(segments: count, table: table, sections: number) + headers + relocated.joined() + body + tail
  }

  private func header(segments: Int, table: Int, sections: Int) -> [UInt8] {
    [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + Array(repeating: 0, count: 9) + Self.integer(2, 2) + Self.integer(62, 2)
      + Self.integer(1, 4) + Self.integer(Int(Self.address), 8) + Self.integer(64, 8) + Self.integer(table, 8)
      + Self.integer(0, 4) + Self.integer(64, 2) + Self.integer(56, 2) + Self.integer(segments, 2)
      + Self.integer(64, 2) + Self.integer(sections, 2) + Self.integer(max(0, sections - 1), 2)
  }

  private func sectionBytes(from start: Int) -> (bytes: [UInt8], table: Int, count: Int) {
    guard !sections.isEmpty else { return ([], 0, 0) }
    var names: [UInt8] = [0]
    var content: [UInt8] = []
    var entries = [UInt8](repeating: 0, count: 64)
    func entry(_ name: Int, _ offset: Int, _ size: Int) -> [UInt8] {
      Self.integer(name, 4) + Self.integer(1, 4) + Self.integer(0, 16) + Self.integer(offset, 8)
        + Self.integer(size, 8) + Self.integer(0, 24)
    }
    for (name, bytes) in sections.sorted(by: { $0.key < $1.key }) {
      entries += entry(names.count, start + content.count, bytes.count)
      names += Array(name.utf8) + [0]
      content += bytes
    }
    let own = names.count
    names += Array(".shstrtab".utf8) + [0]
    entries += entry(own, start + content.count, names.count)
    return (content + names + entries, start + content.count + names.count, sections.count + 2)
  }
}
