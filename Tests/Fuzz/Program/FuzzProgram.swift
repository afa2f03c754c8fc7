import FuzzDriver
import Glibc

/// libFuzzer on the target that $FUZZ_TARGET names; its arguments are libFuzzer's. Built by hack/fuzz only.
@main
enum FuzzProgram {
  fileprivate static let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      print("FUZZ_TARGET is \"\(name)\"; one of \(FuzzTarget.allCases.map(\.rawValue)) is expected")
      exit(2)
    }
    return target
  }()

  static func main() {
    _ = target
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(LLVMFuzzerRunDriver(&count, &arguments, fuzzOneInput))
  }
}

private func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzProgram.target.run(Array(UnsafeBufferPointer(start: data, count: count)))
  return 0
}
