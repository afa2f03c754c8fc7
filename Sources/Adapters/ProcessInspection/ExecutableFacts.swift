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

  /// Reads a file; nil where it is no ELF file. `name` is the last component of its path, and `window` what its texts are
  /// searched through.
  init?(_ file: borrowing BoundedFile, name: String, _ window: SearchWindow) {
    guard let image = ELFImage(file) else { return nil }
    self.image = image
    libraries = RuntimeSignature.libraries(among: image.needed)
    let sections = ELFSections(file, image)
    let known = RuntimeSignature.all.first { $0.names(name) }
    if let known {
      namedVersion = Self.version(after: known.versionText, file, sections, window)
      return
    }
    goBuild = GoBuildInfo(file, image, sections, window)
    guard goBuild == nil else { return }
    carried = CarriedRuntime(file, image, sections, window)
    switch carried {
    case .node: namedVersion = Self.version(after: RuntimeSignature.nodeVersionText, file, sections, window)
    case .dotnet, .otherScripts: break
    case nil: rustVersion = Self.rustVersion(file, sections, window)
    }
  }

  /// The version that the texts of a program or a library name behind such a text.
  static func version(
    after text: String?, _ file: borrowing BoundedFile, _ sections: ELFSections, _ window: SearchWindow
  ) -> RuntimeVersion.Finding? {
    guard let text, let texts = sections.range(".rodata", limit: searched) else { return nil }
    let version = window.first(Array(text.utf8), after: 24, in: texts, of: file) { _, bytes in
      RuntimeVersion.leading(String(decoding: bytes.dropFirst(text.utf8.count), as: UTF8.self), components: 2...4)
    }
    return version.map { RuntimeVersion.Finding(version: $0, source: "a text of the executable") }
  }

  /// rustc leaves its version in `.comment`; where that was stripped, the paths of its library stand in messages.
  private static func rustVersion(
    _ file: borrowing BoundedFile, _ sections: ELFSections, _ window: SearchWindow
  ) -> String? {
    if let comment = sections.range(".comment", limit: 64 << 10) {
      let text = Array("rustc version ".utf8)
      let found = window.first(text, after: 24, in: comment, of: file) { _, bytes in
        RuntimeVersion.leading(String(decoding: bytes.dropFirst(text.count), as: UTF8.self), components: 2...3)
      }
      if let found { return found }
    }
    guard let texts = sections.range(".rodata", limit: searched) else { return nil }
    let directory = Array("/rustc/".utf8)
    return window.first(directory, after: 41, in: texts, of: file) { _, bytes in
      let hash = bytes.dropFirst(directory.count)
      let isHash = hash.count == 41 && hash.last == UInt8(ascii: "/")
      return isHash && hash.dropLast().allSatisfy(ContainerReference.isHexDigit) ? "" : nil
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
    let facts = ExecutableFacts(file, name: name, SearchWindow())
    known.withLock { known in
      if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
      known.updateValue(facts, forKey: identity)
    }
    return facts
  }
}
