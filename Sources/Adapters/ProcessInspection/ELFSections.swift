/// The sections of an ELF file by name, for what only they say: they are for linkers and people, and a file may have
/// none.
struct ELFSections {
  private var sections: [String: FileRange] = [:]
  /// Whether the file has none that could be read.
  var isEmpty: Bool { sections.isEmpty }

  /// More than these are nobody's.
  private static let maximumCount: UInt64 = 1024

  /// Reads the table; nothing is found in a file whose table makes no sense.
  init(_ file: borrowing BoundedFile, _ image: ELFImage) {
    let (is64Bit, isLittleEndian) = (image.is64Bit, image.isLittleEndian)
    guard let bytes = file.read(at: 0, count: is64Bit ? 64 : 52) else { return }
    let header = ELFRecord(bytes, is64Bit: is64Bit, isLittleEndian: isLittleEndian)
    guard let offset = header.word(at: is64Bit ? 40 : 32), let entrySize = header.half(at: is64Bit ? 58 : 46),
      let count = header.half(at: is64Bit ? 60 : 48), let namesIndex = header.half(at: is64Bit ? 62 : 50),
      entrySize >= (is64Bit ? 64 : 40), entrySize <= 256, count <= Self.maximumCount, namesIndex < count,
      let table = file.read(at: offset, count: Int(entrySize * count))
    else { return }
    func section(_ index: Int) -> (name: Int, section: FileRange)? {
      let entry = ELFRecord(table, from: index * Int(entrySize), is64Bit: is64Bit, isLittleEndian: isLittleEndian)
      guard let name = entry.long(at: 0), let offset = entry.word(at: is64Bit ? 24 : 16),
        let size = entry.word(at: is64Bit ? 32 : 20)
      else { return nil }
      return (Int(name), FileRange(offset: offset, size: size))
    }
    guard let place = section(Int(namesIndex))?.section else { return }
    let names = file.read(from: place.offset, limit: Int(min(place.size, 64 << 10)))
    for index in 0..<Int(count) {
      guard let found = section(index), found.name < names.count else { continue }
      let name = names[found.name...].prefix(64).prefix { $0 != 0 }
      sections[String(decoding: name, as: UTF8.self)] = found.section
    }
  }

  /// Where a section is, at most `limit` bytes of it; nil where there is none of that name.
  func range(_ name: String, limit: Int) -> FileRange? { sections[name]?.prefix(limit) }
}
