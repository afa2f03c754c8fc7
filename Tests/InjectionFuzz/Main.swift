import Glibc
import InjectionProperties

/// `InjectionFuzz RUNS SEED`: the properties of injection for that many generated pods, from that number on.
@main struct InjectionFuzz {
  static func main() {
    let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
    guard numbers.count == 2, CommandLine.arguments.count == 3, let count = Int(exactly: numbers[0]) else {
      say("usage: InjectionFuzz RUNS SEED")
      exit(2)
    }
    if let absence = IndependentPatch.absence {
      say("fuzz injection: \(absence)")
      exit(1)
    }
    guard let applier = IndependentPatch() else {
      say("fuzz injection: Python could not be started")
      exit(1)
    }
    var printed = 0
    let failures = InjectionRun(seed: numbers[1], count: count).run(applier) { failure in
      printed += 1
      if printed <= 10 { say("\(failure)") }
    }
    print("fuzz injection \(count) executions \(failures) crashes")
    exit(failures == 0 ? 0 : 1)
  }
}

/// Says something to people: a line on standard error.
private func say(_ text: String) {
  let line = Array("\(text)\n".utf8)
  _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
