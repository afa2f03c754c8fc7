import Glibc
import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct ELFImageTests {
  @Test func readsADynamicExecutable() throws {
    let (found, build) = read("/usr/bin/python3.11")
    let image = try #require(found, "this machine has no Debian Python 3.11")
    #expect(image.is64Bit && image.isLittleEndian)
    #expect(image.interpreter?.contains("ld-linux") == true)
    #expect(image.cLibrary == .glibc)
    #expect(image.needed.contains("libc.so.6"))
    #expect(build == nil)
  }

  @Test func readsASharedLibrary() throws {
    let facts = try #require(ProcessTree().facts(of: getpid()))
    let library = try #require(facts.mappedFiles.first { $0.contains("/libm.so") || $0.contains("/libc.so") })
    #expect(try #require(read(library).image).segments.count > 1)
  }

  @Test(
    arguments: [[], [0x7f], Array("#!/bin/sh\n".utf8), [0x7f, 0x45, 0x4c, 0x46] + Array(repeating: 0xff, count: 60)]
      as [[UInt8]])
  func refusesOtherFiles(bytes: [UInt8]) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.write("file", bytes: bytes)
    #expect(read("\(fixture.path)/file").image == nil)
  }

  /// A damaged header may give less, but must neither crash nor read without end.
  @Test func survivesDamage() throws {
    let original = try #require(BoundedFile.content("/bin/sh", limit: 64 << 10))
    let fixture = try ProcessTreeFixture()
    for _ in 0..<300 {
      var damaged = original
      for _ in 0..<Int.random(in: 1...20) { damaged[Int.random(in: 16..<1024)] = UInt8.random(in: 0...255) }
      try fixture.write("file", bytes: damaged)
      _ = read("\(fixture.path)/file")
    }
  }

  private static func goNote(version: String = "go1.22.3", path: String = "example.com/x") -> [UInt8] {
    func text(_ bytes: [UInt8]) -> [UInt8] {
      var length: [UInt8] = []
      var rest = bytes.count
      while rest >= 0x80 {
        length.append(UInt8(rest & 0x7f) | 0x80)
        rest >>= 7
      }
      return length + [UInt8(rest)] + bytes
    }
    let marks = [UInt8](repeating: 0x30, count: 16)
    return [0xff] + Array(" Go buildinf:".utf8) + [8, 2] + Array(repeating: 0, count: 16)
      + text(Array(version.utf8)) + text(marks + Array("path\t\(path)\n".utf8) + marks)
  }

  @Test(
    arguments: [
      ("at the start", ELFBuilder(data: Array(repeating: 0, count: 32) + goNote())),
      // Position-independent programs have relocated data before it.
      ("in the second segment", ELFBuilder(data: goNote(), relocated: [Array(repeating: 7, count: 4096)])),
      ("in a section", ELFBuilder(sections: [".data": [1, 2, 3], ".go.buildinfo": goNote()])),
      (
        "far behind the start",
        ELFBuilder(data: Array(repeating: 7, count: 2 << 20), sections: [".go.buildinfo": goNote()])
      ),
    ])
  func readsGoBuildInformation(place: String, builder: ELFBuilder) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.write("go", bytes: builder.bytes)
    let (image, build) = read("\(fixture.path)/go")
    #expect(image != nil && image?.interpreter == nil && image?.cLibrary == nil)
    #expect(build?.version == "1.22.3")
    #expect(build?.path == "example.com/x")
  }

  /// Where a file has sections, what looks like a note elsewhere in it is none.
  @Test func aNoteOutsideOfItsSectionIsNone() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.write("go", bytes: ELFBuilder(data: Self.goNote(), sections: [".data": [1]]).bytes)
    #expect(read("\(fixture.path)/go").build == nil)
  }

  @Test(
    arguments: [
      ("go1.23.1 X:nocoverageredesign", "1.23.1"), ("go1.21.0-custom", "1.21.0"), ("go1.24rc1", "1.24rc1"),
      ("devel go1.22-d8e47e257e Mon Jan 1 00:00:00 2024 +0000", "1.22"), ("unknown", nil), ("go2", nil), ("", nil),
      ("go1\n", nil), ("go1." + String(repeating: "1", count: 100_000), nil),
    ] as [(String, String?)])
  func takesVersionsOfGoOnly(text: String, version: String?) throws {
    let fixture = try ProcessTreeFixture()
    let note = Self.goNote(version: text, path: String(repeating: "x", count: 100_000))
    try fixture.write("go", bytes: ELFBuilder(sections: [".go.buildinfo": note]).bytes)
    let build = read("\(fixture.path)/go").build
    #expect(build?.version == version)
    #expect(build?.path?.utf8.count ?? 256 == 256)
  }

  @Test func readsGoBuildInformationOfOldToolchains() throws {
    let fixture = try ProcessTreeFixture()
    func word(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    let base = ELFBuilder.address
    // Header at 0, the string's header at 32, its bytes at 48.
    let data =
      [0xff] + Array(" Go buildinf:".utf8) + [8, 0] + word(base + 32) + word(0) + word(base + 48) + word(8)
      + Array("go1.16.5".utf8) + Array(repeating: 0, count: 64)
    try fixture.write("go", bytes: ELFBuilder(data: data).bytes)
    #expect(read("\(fixture.path)/go").build?.version == "1.16.5")
  }

  @Test(
    arguments: [
      ("/lib/ld-musl-x86_64.so.1", CLibrary.musl), ("/lib64/ld-linux-x86-64.so.2", .glibc),
      ("/lib/ld-linux-aarch64.so.1", .glibc), ("/system/bin/linker64", nil), (nil, nil),
    ] as [(String?, CLibrary?)])
  func tellsTheCLibraryByTheLoader(interpreter: String?, library: CLibrary?) throws {
    let file = BoundedFile(bytes: ELFBuilder(interpreter: interpreter).bytes)
    let found = ELFImage(file)
    let image = try #require(found)
    #expect(image.interpreter == interpreter)
    #expect(image.cLibrary == library)
  }

  @Test func readsTheLibrariesThatItNeeds() {
    let file = BoundedFile(bytes: ELFBuilder(needed: ["libpython3.11.so.1.0", "libc.so.6"]).bytes)
    let image = ELFImage(file)
    #expect(image?.needed == ["libpython3.11.so.1.0", "libc.so.6"])
  }

  @Test func readsSections() throws {
    let bytes = ELFBuilder(sections: [".comment": Array("GCC: 12".utf8), ".rodata": [1, 2, 3]]).bytes
    let file = BoundedFile(bytes: bytes)
    let image = ELFImage(file)
    let sections = ELFSections(file, try #require(image))
    let comment = try #require(sections.range(".comment", limit: 100))
    let text = file.read(from: comment.offset, limit: Int(comment.size))
    #expect(text == Array("GCC: 12".utf8))
    let start = try #require(sections.range(".rodata", limit: 2))
    let beginning = file.read(from: start.offset, limit: Int(start.size))
    #expect(beginning == [1, 2])
    #expect(sections.range(".other", limit: 2) == nil)
    // Whatever is cut off, less is found and nothing breaks.
    for count in stride(from: 0, to: bytes.count, by: 7) {
      let cut = BoundedFile(bytes: Array(bytes.prefix(count)))
      guard let image = ELFImage(cut) else { continue }
      let found = ExecutableFacts(cut, name: "app", SearchWindow())
      #expect(found?.image == image && found?.rustVersion == nil)
    }
  }

  /// With a real Go program at hand, its own note is read as well.
  @Test func readsARealGoProgram() throws {
    let programs = ["/usr/bin/containerd", "/usr/sbin/runc", "/usr/local/go/bin/go"]
    guard let path = programs.first(where: { access($0, R_OK) == 0 }) else {
      print("skipped: no Go program is installed (containerd, runc or go)")
      return
    }
    #expect(try #require(read(path).build).version.hasPrefix("1."))
  }

  private func read(_ path: String) -> (image: ELFImage?, build: GoBuildInfo?) {
    guard let file = BoundedFile(path) else { return (nil, nil) }
    guard let image = ELFImage(file) else { return (nil, nil) }
    return (image, GoBuildInfo(file, image, ELFSections(file, image), SearchWindow()))
  }
}
