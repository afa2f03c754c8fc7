import Testing

@testable import HTTPTransport

struct StreamLedgerTests {
  private func ledger(_ opened: [Int32]) -> StreamLedger {
    var ledger = StreamLedger()
    for id in opened { ledger.opened(id) }
    return ledger
  }

  @Test(
    arguments: [
      ([1, 3, 5], 7, false), ([1, 3, 5], 3, false), ([5], 3, true), ([5], 1, true), ([5], 5, false), ([1, 9], 7, true),
      ([1, 9], 3, true), ([1, 9], 9, false), ([1, 9], 1, false), ([], 1, false), ([5], 4, false), ([5], 0, false),
    ] as [([Int32], Int32, Bool)])
  func skippedIdentifiersAreKnown(opened: [Int32], id: Int32, isSkipped: Bool) {
    #expect(ledger(opened).hasSkipped(id) == isSkipped)
  }

  @Test func whatIsForgottenIsNotHeldAgainstThePeer() {
    let ledger = ledger((0..<100).map { $0 * 4 + 1 })
    #expect(!ledger.hasSkipped(3))
    #expect(ledger.hasSkipped(395))
    #expect(!ledger.hasSkipped(397))
    #expect(ledger.count == 100)
  }
}
