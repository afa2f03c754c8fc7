import Testing

@testable import HTTPTransport

struct StreamLedgerTests {
  private func ledger(opened: [Int32], ended: [Int32] = []) -> StreamLedger {
    var ledger = StreamLedger()
    for id in opened { ledger.opened(id) }
    for id in ended { ledger.endedByPeer(id) }
    return ledger
  }

  @Test(arguments: [
    ([1, 3, 5], [], 7, nil), ([5], [], 3, StreamLedger.Fault.identifierTooLow), ([5], [], 1, .identifierTooLow),
    ([1, 9], [], 7, .identifierTooLow), ([1, 9], [], 3, .identifierTooLow), ([1, 9], [], 9, nil), ([1, 9], [], 1, nil),
    ([1, 3], [1], 1, .streamEnded), ([1, 3], [1], 3, nil), ([], [], 1, nil), ([5], [], 4, nil), ([5], [], 0, nil),
  ] as [([Int32], [Int32], Int32, StreamLedger.Fault?)])
  func identifiersAreJudged(opened: [Int32], ended: [Int32], id: Int32, fault: StreamLedger.Fault?) {
    #expect(ledger(opened: opened, ended: ended).fault(of: id) == fault)
  }

  @Test func whatIsForgottenIsNotHeldAgainstThePeer() {
    let ids = (0..<100).map { Int32($0 * 4 + 1) }
    let ledger = ledger(opened: ids, ended: ids)
    #expect(ledger.fault(of: 3) == nil)
    #expect(ledger.fault(of: 1) == nil)
    #expect(ledger.fault(of: 395) == .identifierTooLow)
    #expect(ledger.fault(of: 397) == .streamEnded)
    #expect(ledger.count == 100)
  }
}
