/// A runtime that an executable carries in itself, under whatever name: applications are packed into one file with it.
enum CarriedRuntime: Sendable {
  /// Node.js: `node` itself, and single executable applications.
  case node
  /// JavaScript by another runtime that takes Node.js' native modules, such as Bun and Deno. No agent for Node.js works
  /// there, and the language that the runtime is written in is not the application's.
  case otherScripts
  /// .NET with the application's assemblies behind it (single-file applications).
  case dotnet

  /// How much of the names of symbols, and of writable data, is searched.
  private static let searched = 8 << 20
  /// What Node.js exports for native modules, and what every runtime does that takes those.
  private static let exported = [Array("_ZN4node5Start".utf8), Array("napi_create_function".utf8)]
  /// What precedes it is where the assemblies begin; zero where there are none (.NET's design document "Single-file
  /// publish").
  private static let bundleSignature: [UInt8] = [
    0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32, 0x13, 0xf5, 0xb9,
    0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
  ]

  /// Looks for one in a file.
  init?(
    _ file: borrowing BoundedFile, _ image: ELFImage, _ sections: ELFSections, _ window: SearchWindow
  ) {
    let names = sections.range(".dynstr", limit: Self.searched)
    switch names.flatMap({ window.firstPresent(of: Self.exported, in: $0, of: file) }) {
    case 0: self = .node
    case .some: self = .otherScripts
    case nil:
      guard Self.hasBundle(file, image, window) else { return nil }
      self = .dotnet
    }
  }

  private static func hasBundle(_ file: borrowing BoundedFile, _ image: ELFImage, _ window: SearchWindow) -> Bool {
    for segment in image.segments.filter(\.isWritable).prefix(4) {
      let data = FileRange(offset: segment.fileOffset, size: segment.fileSize).prefix(searched / 4)
      let isBundle = window.first(bundleSignature, before: 8, after: 0, in: data, of: file) { place, bytes in
        place >= 8 && bytes.prefix(8).contains { $0 != 0 }
      }
      if isBundle == true { return true }
    }
    return false
  }
}
