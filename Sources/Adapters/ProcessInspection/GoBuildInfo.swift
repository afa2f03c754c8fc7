/// What the Go linker notes in every executable (Go's debug/buildinfo): the version of the toolchain and the module.
struct GoBuildInfo: Sendable, Hashable {
  /// Such as "1.22.3".
  var version: String
  /// The import path of the main package.
  var path: String?

  /// Follows a byte 0xff.
  private static let magic: StaticString = " Go buildinf:"
  /// How much of a segment or section is read.
  private static let searched = 1 << 20
  /// More than this is no version, and no path that helps anybody.
  private static let longestVersion = 64, longestPath = 256

  /// Reads the note; nil where there is none. The linker gives it a section, which may be anywhere in the writable
  /// data: position-independent programs have their relocated data before it. Only files whose sections were taken away
  /// are searched.
  init?(_ file: borrowing BoundedFile, _ image: ELFImage, _ sections: ELFSections) {
    if !sections.isEmpty {
      guard let data = sections.content(".go.buildinfo", of: file, limit: Self.searched) else { return nil }
      self.init(in: data, from: 0, file, image)
      return
    }
    for segment in image.segments.filter(\.isWritable).prefix(4) {
      let data = file.read(from: segment.fileOffset, limit: Int(min(segment.fileSize, UInt64(Self.searched))))
      // The note's address, not its place in the file, is a multiple of 16.
      if let found = GoBuildInfo(in: data, from: Int((16 - segment.address % 16) % 16), file, image) {
        self = found
        return
      }
    }
    return nil
  }

  private init?(in data: [UInt8], from first: Int, _ file: borrowing BoundedFile, _ image: ELFImage) {
    guard let start = Self.start(in: data, first) else { return nil }
    let note = data[start...]
    let inline = data[start + 15] & 2 != 0
    guard
      let texts = inline
        ? Self.inlineTexts(note) : Self.referredTexts(note, pointerSize: Int(data[start + 14]), file, image),
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

  private static func start(in data: [UInt8], _ first: Int) -> Int? {
    var searched = 0
    while let place = data.place(of: magic, from: searched) {
      searched = place + 1
      let start = place - 1
      let isWhole = start >= first && start <= data.count - 32
      if isWhole, (start - first) % 16 == 0, data[start] == 0xff { return start }
    }
    return nil
  }

  /// Since Go 1.18: both texts follow the header of 32 bytes, each after its length.
  private static func inlineTexts(_ note: ArraySlice<UInt8>) -> (version: String, module: String)? {
    var rest = note.dropFirst(32)
    guard let version = lengthPrefixed(&rest) else { return nil }
    return (version, lengthPrefixed(&rest) ?? "")
  }

  private static func lengthPrefixed(_ rest: inout ArraySlice<UInt8>) -> String? {
    var length = 0
    var shift = 0
    while let byte = rest.popFirst(), shift < 28 {
      length |= Int(byte & 0x7f) << shift
      shift += 7
      guard byte < 0x80 else { continue }
      guard length <= rest.count else { return nil }
      defer { rest = rest.dropFirst(length) }
      return String(decoding: rest.prefix(length), as: UTF8.self)
    }
    return nil
  }

  /// Before Go 1.18: the header has the address of a Go string (address, length) with the version.
  private static func referredTexts(
    _ note: ArraySlice<UInt8>, pointerSize: Int, _ file: borrowing BoundedFile, _ image: ELFImage
  ) -> (version: String, module: String)? {
    guard pointerSize == (image.is64Bit ? 8 : 4) else { return nil }
    let header = ELFRecord(Array(note.prefix(32)), is64Bit: image.is64Bit, isLittleEndian: image.isLittleEndian)
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
