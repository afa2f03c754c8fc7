/// Checks many cases, one number after another.
public struct InjectionRun {
  /// The first number.
  public var seed: UInt64
  /// How many.
  public var count: Int
  private static let batch = 200

  /// A run.
  public init(seed: UInt64, count: Int) {
    self.seed = seed
    self.count = count
  }

  /// Checks the cases; answers how many failed.
  ///
  /// - Parameters:
  ///   - applier: applies the patches once more; nil leaves that out.
  ///   - report: takes what failed.
  public func run(_ applier: IndependentPatch?, report: (InjectionFailure) -> Void) -> Int {
    var failures = 0
    func fail(_ failure: InjectionFailure) {
      failures += 1
      report(failure)
    }
    for start in stride(from: 0, to: count, by: Self.batch) {
      var checked: [(item: InjectionCase, injected: InjectionCase.Injected)] = []
      for number in start..<min(start + Self.batch, count) {
        do {
          let item = try InjectionCase(seed: seed &+ UInt64(number))
          checked.append((item, try item.check()))
        } catch let failure as InjectionFailure {
          fail(failure)
        } catch {
          fail(InjectionFailure(seed: seed &+ UInt64(number), property: "is a case", detail: "\(error)", pod: .null))
        }
      }
      let differences = applier?.differences(checked.map { ($0.item.pod, $0.injected) }) ?? []
      for (index, difference) in differences.enumerated() {
        guard let difference else { continue }
        let item = checked[index].item
        fail(
          InjectionFailure(
            seed: item.seed, property: "another implementation applies the patch to the same end", detail: difference,
            pod: item.pod))
      }
    }
    return failures
  }
}
