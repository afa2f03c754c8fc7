@testable import ProcessInspection

/// Executables of containers: what is read stays within the file and within its limits, and is the same in however small
/// pieces the file is searched.
enum ELFTarget {
  private static let names = ["php", "nginx", "app", "python3.11"]

  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let choice = input.byte()
    let file = BoundedFile(bytes: Array(input.rest))
    let name = names[Int(choice & 3)]
    // No input is larger than that window.
    guard let facts = ExecutableFacts(file, name: name, SearchWindow()) else { return }
    requireSame(ExecutableFacts(file, name: name, SearchWindow(size: Int(choice >> 2))), facts)
    require(facts.image.needed.count <= 256, "more libraries than the limit")
    require(facts.image.needed.allSatisfy { $0.utf8.count <= 256 }, "a name longer than the limit")
    require((facts.image.interpreter?.utf8.count ?? 0) <= 4096, "a loader's path longer than the limit")
    for segment in facts.image.segments.prefix(8) {
      guard let offset = facts.image.fileOffset(of: segment.address) else { continue }
      let isInside = facts.image.segments.contains { offset >= $0.fileOffset && offset - $0.fileOffset < $0.fileSize }
      require(isInside, "an address outside of all segments")
    }
    if let version = facts.namedVersion?.version { requireVersion(version) }
    if let version = facts.rustVersion, !version.isEmpty { requireVersion(version) }
    if let build = facts.goBuild {
      require(build.version.utf8.count <= 64 && build.version.hasPrefix("1"), "a version of Go beyond its limit")
      require((build.path?.count ?? 0) <= 256, "a path beyond its limit")
    }
    let sections = ELFSections(file, facts.image)
    for name in [".rodata", ".comment"] {
      require((sections.range(name, limit: 100)?.size ?? 0) <= 100, "a section beyond its limit")
    }
  }

  private static func requireSame(_ pieces: ExecutableFacts?, _ whole: ExecutableFacts) {
    require(pieces?.image == whole.image, "another image")
    require(pieces?.goBuild == whole.goBuild, "another note of Go in pieces")
    require(pieces?.carried == whole.carried, "another runtime in pieces")
    require(pieces?.rustVersion == whole.rustVersion, "another version of rustc in pieces")
    require(pieces?.namedVersion == whole.namedVersion, "another version in pieces")
  }

  private static func requireVersion(_ version: String) {
    require(
      version.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") } && version.utf8.count < 32,
      "\(version) is no version")
  }
}
