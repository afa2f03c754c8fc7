/// What an executable says about how it is loaded (System V ABI, ELF-64 and ELF-32). Every offset and length in the
/// file is taken for hostile: reads are bounded and nothing is followed twice.
struct ELFImage: Sendable, Hashable {
  /// A loadable segment.
  struct Segment: Sendable, Hashable {
    var fileOffset: UInt64
    var address: UInt64
    var fileSize: UInt64
    var isWritable: Bool
  }

  var is64Bit: Bool
  var isLittleEndian: Bool
  /// The path of the dynamic loader (PT_INTERP); nil for static executables.
  var interpreter: String?
  /// The names of the libraries that it needs (DT_NEEDED).
  var needed: [String] = []
  var segments: [Segment] = []

  /// The C library that the loader belongs to.
  var cLibrary: CLibrary? {
    guard let interpreter else { return nil }
    if interpreter.hasBytes("ld-musl") { return .musl }
    return interpreter.hasBytes("ld-linux") || interpreter.hasBytes("/ld64.so") ? .glibc : nil
  }

  /// Where an address of the loaded image is in the file.
  func fileOffset(of address: UInt64) -> UInt64? {
    for segment in segments where address >= segment.address && address - segment.address < segment.fileSize {
      let (offset, overflow) = segment.fileOffset.addingReportingOverflow(address - segment.address)
      return overflow ? nil : offset
    }
    return nil
  }

  /// Reads a file; nil where it is no ELF file.
  init?(_ file: borrowing BoundedFile) {
    guard let identification = file.read(at: 0, count: 64), identification.starts(with: [0x7f, 0x45, 0x4c, 0x46]),
      (1...2).contains(identification[4]), (1...2).contains(identification[5])
    else { return nil }
    is64Bit = identification[4] == 2
    isLittleEndian = identification[5] == 1
    let header = ELFRecord(identification, is64Bit: is64Bit, isLittleEndian: isLittleEndian)
    guard let tableOffset = header.word(at: is64Bit ? 32 : 28), let entrySize = header.half(at: is64Bit ? 54 : 42),
      let count = header.half(at: is64Bit ? 56 : 44), entrySize >= (is64Bit ? 56 : 32)
    else { return nil }
    readSegments(file, tableOffset: tableOffset, entrySize: entrySize, count: count)
  }

  private mutating func readSegments(
    _ file: borrowing BoundedFile, tableOffset: UInt64, entrySize: UInt64, count: UInt64
  ) {
    // More than 256 program headers are nobody's; the size of the table is bounded with them.
    let size = Int(entrySize * min(count, 256))
    guard size < 64 << 10, let table = file.read(at: tableOffset, count: size) else { return }
    var dynamic: (offset: UInt64, size: UInt64)?
    for start in stride(from: 0, to: size, by: Int(entrySize)) {
      let entry = ELFRecord(table, from: start, is64Bit: is64Bit, isLittleEndian: isLittleEndian)
      guard let type = entry.long(at: 0), let flags = entry.long(at: is64Bit ? 4 : 24),
        let offset = entry.word(at: is64Bit ? 8 : 4), let address = entry.word(at: is64Bit ? 16 : 8),
        let fileSize = entry.word(at: is64Bit ? 32 : 16)
      else { continue }
      switch type {
      case 1:
        segments.append(
          Segment(fileOffset: offset, address: address, fileSize: fileSize, isWritable: flags & 2 != 0))
      case 2: dynamic = (offset, fileSize)
      case 3: interpreter = Self.text(file.read(from: offset, limit: Int(min(fileSize, 4096))))
      default: break
      }
    }
    if let dynamic { readDynamic(file, offset: dynamic.offset, size: dynamic.size) }
  }

  private mutating func readDynamic(_ file: borrowing BoundedFile, offset: UInt64, size: UInt64) {
    let wordSize = is64Bit ? 8 : 4
    let table = ELFRecord(
      file.read(from: offset, limit: Int(min(size, 64 << 10))), is64Bit: is64Bit, isLittleEndian: isLittleEndian)
    var names: [UInt64] = []
    var strings: UInt64?
    var place = 0
    while let tag = table.word(at: place), let value = table.word(at: place + wordSize), tag != 0 {
      switch tag {
      case 1: names.append(value)
      case 5: strings = value
      default: break
      }
      place += 2 * wordSize
    }
    guard let strings, let start = fileOffset(of: strings) else { return }
    for name in names.prefix(256) {
      let (place, overflow) = start.addingReportingOverflow(name)
      guard !overflow, let text = Self.text(file.read(from: place, limit: 256)), !text.isEmpty else { continue }
      needed.append(text)
    }
  }

  /// The bytes before the first zero.
  private static func text(_ bytes: [UInt8]) -> String? {
    String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
