import TestSupport
import Testing

@testable import ProcessInspection

/// What is known by the content of executables.
@Suite struct ProgramTests {
  private static let hash = "82e1608dfa6e0b5569232559e3d385fea5a93112"

  private static func text(_ text: String) -> [UInt8] { [7, 0] + Array(text.utf8) + [0, 9] }

  static let programs: [(String, [String: [UInt8]], RuntimeLanguage?, String)] = [
    ("app", [".comment": text("GCC: (Debian 12)\0rustc version 1.75.0 (82e1608df 2023-12-21)")], .rust, "1.75.0"),
    ("app", [".rodata": text("/rustc/\(hash)/library/core/src/panicking.rs")], .rust, ""),
    ("app", [".rodata": text("/rustc/not-a-hash/library")], nil, ""),
    ("app", [".comment": text("GCC: (Debian 12.2.0-14) 12.2.0")], nil, ""),
    ("php", [".rodata": text("%s X-Powered-By: PHP/8.2.29")], .php, "8.2.29"),
    ("php8.1", [".rodata": text("nothing")], .php, "8.1"),
    ("nginx", [".rodata": text("nginx/%s") + text("nginx/1.22.1")], .nginx, "1.22.1"),
    ("node", [".rodata": text("https://nodejs.org/") + text("node.js/v18.17.1")], .javascript, "18.17.1"),
    // Node.js under another name, also with an application behind it.
    (
      "shop", [".dynstr": text("_ZN4node5StartEiPPc"), ".rodata": text("node.js/v20.20.2")], .javascript, "20.20.2"
    ),
    ("shop", [".dynstr": text("napi_create_function") + text("_ZN4node5StartEiPPc")], .javascript, ""),
    // Deno and Bun are written in Rust; what they run is not.
    (
      "deno",
      [".dynstr": text("napi_create_function"), ".comment": text("rustc version 1.95.0 (59807616e 2026-04-14)")],
      nil, ""
    ),
    (
      "shop",
      [
        ".dynstr": text("napi_create_function") + text("_ZN4node25AddEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_"),
        ".comment": text("rustc version 1.95.0 (59807616e 2026-04-14)"),
      ], nil, ""
    ),
  ]

  @Test(arguments: programs)
  func tellsByItsTexts(name: String, sections: [String: [UInt8]], language: RuntimeLanguage?, version: String) throws {
    let fixture = try ProcessTreeFixture()
    let path = try fixture.program(name, ELFBuilder(sections: sections).bytes)
    try fixture.add(1, executable: path)
    let runtime = try #require(fixture.tree.facts(of: 1)).runtime
    #expect(runtime?.language == language)
    #expect(runtime?.version ?? "" == version)
  }

  /// What the host of .NET has in its data; it is preceded by where the assemblies begin.
  private static let bundle: [UInt8] = [
    0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32, 0x13, 0xf5, 0xb9,
    0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
  ]

  @Test(
    arguments: [
      ([0, 0x40, 0x1e, 4, 0, 0, 0, 0], .dotnet), (Array(repeating: 0, count: 8), nil), ([], nil), ([1, 2, 3], nil),
    ] as [([UInt8], RuntimeLanguage?)])
  func dotnetInOneFileIsKnownByItsAssemblies(place: [UInt8], language: RuntimeLanguage?) throws {
    let fixture = try ProcessTreeFixture()
    let path = try fixture.program("shop", ELFBuilder(data: place + Self.bundle).bytes)
    try fixture.add(1, executable: path, environment: ["DOTNET_VERSION=8.0.4"])
    let runtime = fixture.tree.inspect([1]).runtime
    #expect(runtime?.language == language)
    #expect(runtime?.version ?? "" == (language == nil ? "" : "8.0.4"))
  }

  private static let goNote =
    [0xff] + Array(" Go buildinf:".utf8) + [8, 2] + Array(repeating: 0, count: 16) + [8] + Array("go1.22.3".utf8)

  private func goProgram(_ path: String) -> [UInt8] {
    let module =
      Array(repeating: UInt8(0x30), count: 16) + Array("path\t\(path)\n".utf8) + Array(repeating: 0x31, count: 16)
    return ELFBuilder(data: Self.goNote + [UInt8(module.count)] + module).bytes
  }

  @Test func aGoProgramIsKnownByItsNote() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: try fixture.program("server", goProgram("example.com/shop")))
    // A program that starts others.
    try fixture.add(2, executable: try fixture.program("agent", goProgram("example.com/thrust")))
    let inspection = fixture.tree.inspect([1])
    #expect(inspection.runtime?.language == .go)
    #expect(inspection.runtime?.version == "1.22.3")
    #expect(inspection.runtime?.evidence.first?.hasSuffix("built by go1.22.3, main package example.com/shop") == true)
    #expect(inspection.cLibrary == nil)
    #expect(fixture.tree.inspect([2]).runtime == nil)
  }

  /// Debian's Node.js is a small program and a library.
  @Test func theLibraryOfNodeNamesItsVersion() throws {
    let fixture = try ProcessTreeFixture()
    let library = "/usr/lib/x86_64-linux-gnu/libnode.so.108"
    try fixture.add(1, executable: "/nonexistent/bin/node", maps: [library], rootFiles: [library: ""])
    try fixture.write("1/root\(library)", bytes: ELFBuilder(sections: [".rodata": Self.text("node.js/v18.19.0")]).bytes)
    let runtime = fixture.tree.inspect([1]).runtime
    #expect(runtime?.version == "18.19.0")
    #expect(runtime?.evidence.contains("version from a text of \(library)") == true)
  }

  @Test func theTargetOfDynatracesWrapperCounts() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(
      1, executable: "/opt/dynatrace/wrapper", environment: ["DT_DYNAMIZER_TARGET_EXE=/srv/app"],
      rootFiles: ["/srv/app": ""])
    try fixture.write("1/root/srv/app", bytes: goProgram("example.com/shop"))
    let inspection = fixture.tree.inspect([1])
    #expect(inspection.runtime?.language == .go)
    #expect(inspection.otherAgents == ["Dynatrace Agent"])
  }

  @Test func theMappedLoaderOutranksTheOneThatTheExecutableNames() throws {
    let fixture = try ProcessTreeFixture()
    let path = try fixture.program("node", ELFBuilder(interpreter: "/lib64/ld-linux-x86-64.so.2").bytes)
    try fixture.add(1, executable: path)
    try fixture.add(2, executable: path, maps: ["/lib/ld-musl-x86_64.so.1"])
    #expect(fixture.tree.inspect([1]).cLibrary == .glibc)
    #expect(fixture.tree.inspect([2]).cLibrary == .musl)
  }

  /// A container may have a link to anywhere; it must not lead out of it.
  @Test func linksStayInTheContainer() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.write("secret", "JAVA_VERSION=\"6.6.6\"\n")
    try fixture.add(
      1, executable: "/opt/java/bin/java", rootFiles: ["/opt/real/release": "JAVA_VERSION=\"17.0.9\"\n"])
    try fixture.link("1/root/opt/java", to: "/opt/real")
    #expect(fixture.tree.facts(of: 1)?.runtime?.version == "17.0.9")
    try fixture.add(2, executable: "/opt/java/bin/java", rootFiles: ["/opt/java/x": ""])
    try fixture.link("2/root/opt/java/release", to: "../../../../secret")
    #expect(fixture.tree.facts(of: 2)?.runtime?.version == "")
  }

  @Test func aFileIsReadOnceForAllItsProcesses() throws {
    let fixture = try ProcessTreeFixture()
    let path = try fixture.program("app", ELFBuilder(sections: [".comment": Self.text("rustc version 1.75.0 ")]).bytes)
    for pid in Int32(1)...3 { try fixture.add(pid, executable: path) }
    let tree = fixture.tree
    #expect(tree.inspect([1]).runtime?.version == "1.75.0")
    // Another content under the same name is another file.
    _ = try fixture.program("app", ELFBuilder(sections: [".comment": Self.text("rustc version 1.80.1 ")]).bytes + [0])
    #expect(tree.inspect([2]).runtime?.version == "1.80.1")
  }
}
