import Concurrency

/// What the file of an executable says, whichever process runs it.
struct ExecutableFacts: Sendable {
  var image: ELFImage
  var goBuild: GoBuildInfo?
  /// What rustc noted of itself: its version, or "" where only the path of its library is in the file.
  var rustVersion: String?
  /// The runtime that it carries in itself, where its name does not tell already.
  var carried: CarriedRuntime?
  /// The first library of each language that it needs.
  let libraries: [RuntimeLanguage: String]
  /// The version that the texts of the program name, for the runtimes that have it there only.
  var namedVersion: RuntimeVersion.Finding?

  /// How much of the texts of a program is searched.
  private static let searched = 8 << 20

  /// Reads a file; nil where it is no ELF file. `name` is the last component of its path.
  init?(_ file: borrowing BoundedFile, name: String) {
    guard let image = ELFImage(file) else { return nil }
    self.image = image
    libraries = RuntimeSignature.libraries(among: image.needed)
    let sections = ELFSections(file, image)
    let known = RuntimeSignature.all.first { $0.names(name) }
    if let known {
      namedVersion = Self.version(after: known.versionText, file, sections)
      return
    }
    goBuild = GoBuildInfo(file, image, sections)
    guard goBuild == nil else { return }
    carried = CarriedRuntime(file, image, sections)
    switch carried {
    case .node: namedVersion = Self.version(after: RuntimeSignature.nodeVersionText, file, sections)
    case .dotnet, .otherScripts: break
    case nil: rustVersion = Self.rustVersion(file, sections)
    }
  }

  /// The version that the texts of a program or a library name behind such a text.
  static func version(
    after text: StaticString?, _ file: borrowing BoundedFile, _ sections: ELFSections
  ) -> RuntimeVersion.Finding? {
    guard let text, let texts = sections.content(".rodata", of: file, limit: searched) else { return nil }
    return texts.first(after: text, length: 24) { bytes in
      RuntimeVersion.leading(String(decoding: bytes, as: UTF8.self), components: 2...4)
        .map { RuntimeVersion.Finding(version: $0, source: "a text of the executable") }
    }
  }

  /// rustc leaves its version in `.comment`; where that was stripped, the paths of its library stand in messages.
  private static func rustVersion(_ file: borrowing BoundedFile, _ sections: ELFSections) -> String? {
    if let comment = sections.content(".comment", of: file, limit: 64 << 10) {
      let found = comment.first(after: "rustc version ", length: 24) { bytes in
        RuntimeVersion.leading(String(decoding: bytes, as: UTF8.self), components: 2...3)
      }
      if let found { return found }
    }
    let texts = sections.content(".rodata", of: file, limit: searched)
    return texts?.first(after: "/rustc/", length: 41) { bytes in
      let isHash = bytes.count == 41 && bytes.last == UInt8(ascii: "/")
      return isHash && bytes.dropLast().allSatisfy(ContainerReference.isHexDigit) ? "" : nil
    }
  }
}

/// The facts of executables that have been read: many processes run the same.
final class ExecutableCache: Sendable {
  private let known = Locked<[FileIdentity: ExecutableFacts?]>([:])
  /// Some kilobytes each.
  private static let capacity = 1024

  /// The facts of a file, which is opened where it is not known yet; nil where it is no ELF file.
  func facts(_ identity: FileIdentity, name: String, open: () -> BoundedFile?) -> ExecutableFacts? {
    if let found = known.withLock({ $0[identity] }) { return found }
    // Another file than was asked about, or none: nothing is kept.
    guard let file = open(), file.identity == identity else { return nil }
    let facts = ExecutableFacts(file, name: name)
    known.withLock { known in
      if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
      known.updateValue(facts, forKey: identity)
    }
    return facts
  }
}
