/// What the Go linker notes in every executable (Go's debug/buildinfo): the version of the toolchain and the module.
struct GoBuildInfo: Sendable, Hashable {
  /// Such as "1.22.3".
  var version: String
  /// The import path of the main package.
  var path: String?

  /// Follows a byte 0xff.
  private static let magic = Array(" Go buildinf:".utf8)
  /// How long the note is, without the texts that may follow it.
  private static let headerSize = 32
  /// How much of a segment or section is searched.
  private static let searched = 1 << 20
  /// More than this is no version, and no path that helps anybody.
  private static let longestVersion = 64, longestPath = 256

  /// Reads the note; nil where there is none. The linker gives it a section, which may be anywhere in the writable
  /// data: position-independent programs have their relocated data before it. Only files whose sections were taken away
  /// are searched.
  init?(
    _ file: borrowing BoundedFile, _ image: ELFImage, _ sections: ELFSections, _ window: SearchWindow
  ) {
    if !sections.isEmpty {
      guard let data = sections.range(".go.buildinfo", limit: Self.searched) else { return nil }
      self.init(in: data, from: 0, file, image, window)
      return
    }
    for segment in image.segments.filter(\.isWritable).prefix(4) {
      let data = FileRange(offset: segment.fileOffset, size: segment.fileSize).prefix(Self.searched)
      // The note's address, not its place in the file, is a multiple of 16.
      if let found = GoBuildInfo(in: data, from: Int((16 - segment.address % 16) % 16), file, image, window) {
        self = found
        return
      }
    }
    return nil
  }

  private init?(
    in data: FileRange, from first: Int, _ file: borrowing BoundedFile, _ image: ELFImage, _ window: SearchWindow
  ) {
    guard let (start, header) = Self.header(in: data, first, file, window) else { return nil }
    let inline = header[15] & 2 != 0
    guard
      let texts = inline
        ? Self.inlineTexts(data.dropFirst(start + Self.headerSize), file) : Self.referredTexts(header, file, image),
      let version = Self.version(texts.version)
    else { return nil }
    self.version = version
    // The module's text stands between two marks of 16 bytes.
    path = texts.module.dropFirst(16).split(separator: "\n").first { $0.hasPrefix("path\t") }
      .map { String($0.dropFirst(5).prefix(Self.longestPath)) }
  }

  /// "1.22.3" of "go1.22.3 X:experiments", "go1.22.3-custom" and "devel go1.22-d8e47e257e Mon ...".
  private static func version(_ text: String) -> String? {
    guard let word = text.split(separator: " ").first(where: { $0.hasPrefix("go1") }) else { return nil }
    let version = word.dropFirst(2).prefix { $0 != "-" }
    let isVersion = version.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }
    guard version.utf8.count <= longestVersion, isVersion else { return nil }
    return String(version)
  }

  /// Where the note begins, and what it has before the texts.
  private static func header(
    in data: FileRange, _ first: Int, _ file: borrowing BoundedFile, _ window: SearchWindow
  ) -> (start: Int, bytes: [UInt8])? {
    let after = headerSize - 1 - magic.count
    return window.first(magic, before: 1, after: after, in: data, of: file) { place, bytes in
      let start = place - 1
      guard start >= first, bytes.count == headerSize, (start - first) % 16 == 0, bytes[0] == 0xff else { return nil }
      return (start, Array(bytes))
    }
  }

  /// Since Go 1.18: both texts follow the header of 32 bytes, each after its length.
  private static func inlineTexts(
    _ texts: FileRange, _ file: borrowing BoundedFile
  ) -> (version: String, module: String)? {
    var rest = texts
    guard let version = lengthPrefixed(&rest, file) else { return nil }
    return (version, lengthPrefixed(&rest, file) ?? "")
  }

  private static func lengthPrefixed(_ rest: inout FileRange, _ file: borrowing BoundedFile) -> String? {
    var length = 0
    // No longer length fits into what is searched.
    for (index, byte) in file.read(from: rest.offset, limit: Int(min(rest.size, 4))).enumerated() {
      length |= Int(byte & 0x7f) << (7 * index)
      guard byte < 0x80 else { continue }
      rest = rest.dropFirst(index + 1)
      guard length <= rest.size, let text = file.read(at: rest.offset, count: length) else { return nil }
      rest = rest.dropFirst(length)
      return String(decoding: text, as: UTF8.self)
    }
    return nil
  }

  /// Before Go 1.18: the header has the address of a Go string (address, length) with the version.
  private static func referredTexts(
    _ note: [UInt8], _ file: borrowing BoundedFile, _ image: ELFImage
  ) -> (version: String, module: String)? {
    let pointerSize = Int(note[14])
    guard pointerSize == (image.is64Bit ? 8 : 4) else { return nil }
    let header = ELFRecord(note, is64Bit: image.is64Bit, isLittleEndian: image.isLittleEndian)
    guard let version = string(header.word(at: 16), pointerSize, file, image) else { return nil }
    return (version, string(header.word(at: 16 + pointerSize), pointerSize, file, image) ?? "")
  }

  private static func string(
    _ address: UInt64?, _ pointerSize: Int, _ file: borrowing BoundedFile, _ image: ELFImage
  ) -> String? {
    guard let address, let place = image.fileOffset(of: address),
      let bytes = file.read(at: place, count: 2 * pointerSize)
    else { return nil }
    let header = ELFRecord(bytes, is64Bit: image.is64Bit, isLittleEndian: image.isLittleEndian)
    guard let data = header.word(at: 0), let length = header.word(at: pointerSize), length < 64 << 10,
      let start = image.fileOffset(of: data), let text = file.read(at: start, count: Int(length))
    else { return nil }
    return String(decoding: text, as: UTF8.self)
  }
}
