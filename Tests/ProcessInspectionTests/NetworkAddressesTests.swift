import Testing

@testable import ProcessInspection

@Suite struct NetworkAddressesTests {
  @Test func readsTheAddressesOfANamespace() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1)
    try fixture.write(
      "1/net/fib_trie",
      """
      Main:
        +-- 0.0.0.0/0 3 0 5
           |-- 0.0.0.0
              /0 universe UNICAST
           +-- 127.0.0.0/31 1 0 0
              |-- 127.0.0.0
                 /8 host LOCAL
              |-- 127.0.0.1
                 /32 host LOCAL
           |-- 10.1.2.0
              /24 link UNICAST
           |-- 10.1.2.3
              /32 host LOCAL
           |-- 10.1.2.255
              /32 link BROADCAST

      """)
    try fixture.write(
      "1/net/if_inet6",
      """
      00000000000000000000000000000001 01 80 10 80       lo
      fd000000000000000000000000000002 04 40 00 82     eth0
      nonsense

      """)
    #expect(fixture.tree.nodeAddresses == ["127.0.0.1", "10.1.2.3", "::1", "fd00::2"])
  }

  @Test func readsOurRouters() throws {
    let fixture = try ProcessTreeFixture()
    let tab = "\t"
    let routes = [
      ["Iface", "Destination", "Gateway", "Flags", "RefCnt", "Use", "Metric", "Mask", "MTU"],
      ["eth0", "00000000", "010af40a", "0003", "0", "0", "0", "00000000", "0"],
      ["eth0", "000AF40A", "00000000", "0001", "0", "0", "0", "00FFFFFF", "0"],
    ]
    let text = routes.map { $0.joined(separator: tab) }.joined(separator: "\n")
    #expect(NetworkAddresses.gateways(routes: Array(text.utf8)) == ["10.244.10.1"])
    let zeros = String(repeating: "0", count: 32)
    let routes6 = """
      \(zeros) 00 \(zeros) 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0
      \(zeros) 00 \(zeros) 00 \(zeros) ffffffff 00000001 00000000 00200200 lo
      fd000000000000000000000000000000 40 \(zeros) 00 \(zeros) 00000100 00000001 00000000 00000001 eth0
      """
    #expect(NetworkAddresses.gateways(routes6: Array(routes6.utf8)) == ["fe80::1"])
    #expect(fixture.tree.nodeAddresses.isEmpty)
  }

  /// Where this process's own addresses can be read, they are found.
  @Test func readsThoseOfThisMachine() throws {
    let trie = try #require(BoundedFile.content("/proc/self/net/fib_trie", limit: 1 << 20))
    #expect(NetworkAddresses.local(trie: trie).contains("127.0.0.1"))
  }
}
