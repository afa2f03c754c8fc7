import Glibc
import TestSupport
import Testing

/// The corpus of the fuzzer, without the fuzzer: what was found once is never forgotten.
struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func inputsOfTheCorpusHoldNoSurprise(target: FuzzTarget) throws {
    let names = try files(of: target)
    #expect(!names.isEmpty)
    for name in names { target.run(try bytes("\(folder(target))/\(name)")) }
  }

  private func folder(_ target: FuzzTarget) -> String { Repository.path("Tests/Fuzz/corpus/\(target.rawValue)") }

  private func files(of target: FuzzTarget) throws -> [String] {
    let directory = try #require(opendir(folder(target)))
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return result }
      result += buffer[..<count]
    }
  }
}
