import Glibc
import TestSupport
import Testing

@testable import ProcessInspection

/// What a search in pieces finds is what a search of the whole finds.
@Suite struct SearchWindowTests {
  private struct Found: Equatable {
    var place: Int
    var bytes: [UInt8]
  }
  private struct Question {
    var text: [UInt8]
    var before = 0
    var after = 0
  }

  /// The same search as it is written where everything is at hand.
  private static func inWhole(_ question: Question, _ all: [UInt8]) -> [Found] {
    var found: [Found] = []
    var place = 0
    while place + question.text.count <= all.count {
      guard all[place...].starts(with: question.text) else {
        place += 1
        continue
      }
      let end = min(place + question.text.count + question.after, all.count)
      found.append(Found(place: place, bytes: Array(all[max(0, place - question.before)..<end])))
      place += question.text.count
    }
    return found
  }

  private static func inPieces(
    _ question: Question, _ file: borrowing BoundedFile, _ range: FileRange, window: Int,
    each: (Int) -> Void = { _ in }
  ) -> [Found] {
    var found: [Found] = []
    let nothing: Bool? = SearchWindow(size: window).first(
      question.text, before: question.before, after: question.after, in: range, of: file
    ) { place, bytes in
      found.append(Found(place: place, bytes: Array(bytes)))
      each(found.count)
      return nil
    }
    #expect(nothing == nil)
    return found
  }

  @Test func findsWhatASearchOfTheWholeFinds() {
    let seed = UInt64.random(in: 1 ... .max)
    var random = SeededGenerator(state: seed)
    for _ in 0..<3_000 {
      // Few letters, so that texts occur, overlap themselves and nearly occur.
      let letters = UInt8.random(in: 1...3, using: &random)
      func bytes(_ counts: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: counts, using: &random)).map { _ in UInt8.random(in: 0..<letters, using: &random) }
      }
      let all = bytes(0...700)
      let question = Question(
        text: bytes(1...6), before: Int.random(in: 0...9, using: &random), after: Int.random(in: 0...30, using: &random)
      )
      let offset = Int.random(in: 0...20, using: &random)
      let size = Int.random(in: 0...800, using: &random)
      let window = Int.random(in: 0...300, using: &random)
      let part = Array(all.dropFirst(offset).prefix(size))
      let found = Self.inPieces(
        question, BoundedFile(bytes: all), FileRange(offset: UInt64(offset), size: UInt64(size)), window: window)
      #expect(found == Self.inWhole(question, part), "seed \(seed), window \(window), \(question) in \(part)")
    }
  }

  @Test func findsTheFirstOfSeveralTexts() {
    let seed = UInt64.random(in: 1 ... .max)
    var random = SeededGenerator(state: seed)
    for _ in 0..<3_000 {
      func bytes(_ counts: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: counts, using: &random)).map { _ in UInt8.random(in: 0..<3, using: &random) }
      }
      let all = bytes(0...300)
      let texts = (0..<Int.random(in: 0...4, using: &random)).map { _ in bytes(1...7) }
      let window = Int.random(in: 0...60, using: &random)
      let range = FileRange(offset: 0, size: UInt64.random(in: 0...400, using: &random))
      let file = BoundedFile(bytes: all)
      let found = SearchWindow(size: window).firstPresent(of: texts, in: range, of: file)
      let part = Array(all.prefix(Int(range.size)))
      let expected = texts.firstIndex { !Self.inWhole(Question(text: $0), part).isEmpty }
      #expect(found == expected, "seed \(seed), window \(window), \(texts) in \(part)")
    }
  }

  @Test func stopsAtTheFirstAnswer() {
    let file = BoundedFile(bytes: Array("a1 a2 a3 a4".utf8))
    var seen = 0
    let answer = SearchWindow(size: 8).first(
      Array("a".utf8), after: 1, in: FileRange(offset: 0, size: 11), of: file
    ) { place, bytes -> Int? in
      seen += 1
      return bytes[1] == UInt8(ascii: "3") ? place : nil
    }
    #expect(answer == 6)
    #expect(seen == 3)
  }

  @Test(arguments: [FileRange(offset: .max, size: .max), FileRange(offset: 1 << 63, size: 9)])
  func nothingIsBeyondEveryFile(range: FileRange) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.write("file", "text")
    guard let file = BoundedFile("\(fixture.path)/file") else { throw FixtureError(operation: "open") }
    #expect(Self.inPieces(Question(text: [1]), file, range, window: 16).isEmpty)
    #expect(Self.inPieces(Question(text: [1]), BoundedFile(bytes: [1, 1]), range, window: 16).isEmpty)
  }

  /// Until the end of the file where it ends by then, and otherwise until the end of what had been read.
  @Test(arguments: [(10_000, 10_000), (4_097, 4_097), (4_096, 4_096), (100, 4_096), (0, 4_096)])
  func aFileThatBecomesShorterEndsThere(size: Int, end: Int) throws {
    let fixture = try ProcessTreeFixture()
    let all = Array(repeating: Array("needle 1.22.1 ".utf8), count: 5_000).joined().map(\.self)
    try fixture.write("file", bytes: all)
    let path = "\(fixture.path)/file"
    guard let file = BoundedFile(path) else { throw FixtureError(operation: "open") }
    let question = Question(text: Array("needle".utf8), before: 3, after: 12)
    let found = Self.inPieces(question, file, FileRange(offset: 0, size: UInt64(all.count)), window: 4_096) { count in
      guard count == 1 else { return }
      #expect(truncate(path, size) == 0)
    }
    #expect(found == Self.inWhole(question, Array(all.prefix(end))))
  }

  /// What is asked for is what is read, also of a file that has more.
  @Test func readsNoMoreThanItsPart() {
    let all = Array(repeating: Array("needle ".utf8), count: 50_000).joined().map(\.self)
    let question = Question(text: Array("needle".utf8), after: 24)
    for size in 131_057..<131_088 {
      let found = Self.inPieces(
        question, BoundedFile(bytes: all), FileRange(offset: 7, size: UInt64(size)), window: 65_536)
      let end = Self.inWhole(question, Array(all[7..<(7 + size)].suffix(700))).last
      #expect(found.last == end.map { Found(place: size - 700 + $0.place, bytes: $0.bytes) })
    }
  }
}

/// What executables are known by is found wherever it stands: at every place around the border of two pieces.
@Suite struct TextsAcrossBordersTests {
  private static let border = 64 << 10

  private static func facts(_ name: String, _ builder: ELFBuilder) -> ExecutableFacts? {
    ExecutableFacts(BoundedFile(bytes: builder.bytes), name: name, SearchWindow())
  }

  private static func filled(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
    [UInt8](repeating: 0x2E, count: count) + bytes + [UInt8](repeating: 0, count: 100)
  }

  @Test(arguments: 0...60) func versions(distance: Int) {
    let start = Self.border - distance
    let nginx = Self.filled(start, Array("nginx/1.22.1".utf8))
    #expect(Self.facts("nginx", ELFBuilder(sections: [".rodata": nginx]))?.namedVersion?.version == "1.22.1")
    let hash = "82e1608dfa6e0b5569232559e3d385fea5a93112"
    let rust = Self.filled(start, Array("/rustc/\(hash)/library".utf8))
    #expect(Self.facts("app", ELFBuilder(sections: [".rodata": rust]))?.rustVersion == "")
    let comment = Self.filled(start - 2_000, Array("rustc version 1.75.0 (82e1608df 2023-12-21)".utf8))
    #expect(Self.facts("app", ELFBuilder(sections: [".comment": comment]))?.rustVersion == "1.75.0")
  }

  @Test(arguments: 0...60) func carriedRuntimes(distance: Int) {
    let start = Self.border - distance
    let scripts = Self.filled(start, Array("napi_create_function".utf8))
    #expect(Self.facts("app", ELFBuilder(sections: [".dynstr": scripts]))?.carried == .otherScripts)
    let node = Self.filled(start, Array("_ZN4node5StartEiPPc".utf8))
    #expect(Self.facts("app", ELFBuilder(sections: [".dynstr": scripts + node]))?.carried == .node)
    let bundle: [UInt8] = [
      0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32, 0x13, 0xf5, 0xb9,
      0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
    ]
    let zeros = [UInt8](repeating: 0, count: 8)
    #expect(
      Self.facts("app", ELFBuilder(data: Self.filled(start, [0, 0x40] + zeros.dropLast(2) + bundle)))?.carried
        == .dotnet)
    #expect(Self.facts("app", ELFBuilder(data: Self.filled(start, zeros + bundle)))?.carried == nil)
  }

  /// Where there are no sections the note of Go is anywhere, at a multiple of 16, and its texts follow.
  @Test(arguments: [0, 16, 32, 48, 64, 80, 96]) func notesOfGo(distance: Int) {
    let note =
      [0xff] + Array(" Go buildinf:".utf8) + [8, 2] + Array(repeating: 0, count: 16) + [8] + Array("go1.22.3".utf8)
    let module = [UInt8](repeating: 0x30, count: 16) + Array("path\texample.com/x\n".utf8)
    let data = Self.filled(Self.border - distance, note + [UInt8(module.count)] + module)
    let build = Self.facts("app", ELFBuilder(data: data))?.goBuild
    #expect(build?.version == "1.22.3")
    #expect(build?.path == "example.com/x")
    let shifted = Self.filled(Self.border - distance + 1, note)
    #expect(Self.facts("app", ELFBuilder(data: shifted))?.goBuild == nil)
  }

  /// The texts of a program are searched as far as 8 MiB.
  @Test(arguments: [(-13, "1.22.1"), (-12, "1.22.1"), (-10, "1.22"), (-6, nil), (0, nil)] as [(Int, String?)])
  func theRestOfLongTextsIsNotSearched(place: Int, version: String?) {
    let texts = Self.filled((8 << 20) + place, Array("nginx/1.22.1".utf8))
    #expect(Self.facts("nginx", ELFBuilder(sections: [".rodata": texts]))?.namedVersion?.version == version)
  }
}
