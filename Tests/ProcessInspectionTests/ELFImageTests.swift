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

  @Test func readsGoBuildInformation() throws {
    let fixture = try ProcessTreeFixture()
    let note =
      [0xff] + Array(" Go buildinf:".utf8) + [8, 2] + Array(repeating: 0, count: 16) + [8] + Array("go1.22.3".utf8)
      + [51] + Array(repeating: 0x30, count: 16)
      + Array("path\texample.com/x\n".utf8) + Array(repeating: 0x31, count: 16)
    try fixture.write("go", bytes: Self.executable(data: Array(repeating: 0, count: 32) + note))
    let (image, build) = read("\(fixture.path)/go")
    #expect(image != nil && image?.interpreter == nil && image?.cLibrary == nil)
    #expect(build?.version == "1.22.3")
    #expect(build?.path == "example.com/x")
  }

  @Test func readsGoBuildInformationOfOldToolchains() throws {
    let fixture = try ProcessTreeFixture()
    func word(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    let base = Self.address
    // Header at 0, the string's header at 32, its bytes at 48.
    let data =
      [0xff] + Array(" Go buildinf:".utf8) + [8, 0] + word(base + 32) + word(0) + word(base + 48) + word(8)
      + Array("go1.16.5".utf8) + Array(repeating: 0, count: 64)
    try fixture.write("go", bytes: Self.executable(data: data))
    #expect(read("\(fixture.path)/go").build?.version == "1.16.5")
  }

  private static let address: UInt64 = 0x400000

  /// A 64-bit file with one writable segment that holds `data`.
  private static func executable(data: [UInt8]) -> [UInt8] {
    func integer(_ value: UInt64, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let header =
      [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + Array(repeating: 0, count: 9) + integer(2, 2) + integer(62, 2) + integer(1, 4)
      + integer(address, 8) + integer(64, 8) + integer(0, 8) + integer(0, 4) + integer(64, 2) + integer(56, 2)
      + integer(1, 2) + integer(0, 6)
    let segment =
      integer(1, 4) + integer(6, 4) + integer(120, 8) + integer(address, 8) + integer(address, 8)
      + integer(UInt64(data.count), 8) + integer(UInt64(data.count), 8) + integer(4096, 8)
    return header + segment + data
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
    return (image, GoBuildInfo(file, image))
  }
}
