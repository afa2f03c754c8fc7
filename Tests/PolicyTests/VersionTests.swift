import Testing

@testable import Policy

@Suite struct VersionTests {
  struct Case: Sendable {
    var range: String
    var inside: [String]
    var outside: [String]
  }

  static let cases = [
    Case(
      range: ">=3.9", inside: ["3.9", "3.9.0", "3.10", "3.12.1+chromium", "4", "v3.9"], outside: ["3.8.99", "3", "2.7"]),
    Case(range: ">=3.1 <3.5", inside: ["3.1", "3.4.9"], outside: ["3.5", "3.5.0", "3.0.9"]),
    Case(range: ">1, <=2.0", inside: ["1.1", "2", "2.0.0"], outside: ["1", "1.0", "2.0.1"]),
    Case(range: "=1.8", inside: ["1.8", "1.8.0"], outside: ["1.8.1", "1.7"]),
    Case(range: ">=1.19", inside: ["go1.19", "1.22.3", "go1.23rc1"], outside: ["go1.18.10"]),
    Case(range: "", inside: ["0", "99"], outside: []),
  ]

  @Test(arguments: cases) func rangesHoldVersions(_ item: Case) throws {
    let range = try #require(VersionRange(item.range))
    for text in item.inside { #expect(range.contains(try #require(RuntimeVersion(text))), "\(text)") }
    for text in item.outside { #expect(!range.contains(try #require(RuntimeVersion(text))), "\(text)") }
  }

  @Test(arguments: ["3.9", "~3", ">=", ">=x", ">= 3"]) func otherTextsAreNoRange(_ text: String) {
    #expect(VersionRange(text) == nil)
  }

  @Test(arguments: ["", "unknown", "v", "-1"]) func otherTextsAreNoVersion(_ text: String) {
    #expect(RuntimeVersion(text) == nil)
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ]) func digests(_ message: String, _ digest: String) {
    #expect(SHA256.hexPrefix(of: Array(message.utf8), bytes: 32) == digest)
  }
}
