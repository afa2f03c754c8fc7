import Glibc

/// The addresses of a network namespace, from `/proc/PID/net`.
enum NetworkAddresses {
  /// Its own, of `fib_trie`: each address stands on a line of its own, and what it is on the next ones.
  static func local(trie text: [UInt8]) -> Set<String> {
    var found: Set<String> = []
    var current: Substring?
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.first == "|--" {
        current = words.last
      } else if words == ["/32", "host", "LOCAL"], let current {
        found.insert(String(current))
      }
    }
    return found
  }

  /// Its own, of `if_inet6`, which has each as 32 digits.
  static func local(interfaces text: [UInt8]) -> Set<String> {
    Set(
      String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
        line.split(separator: " ").first.flatMap(version6)
      })
  }

  /// The routers of `route` that lead to everywhere. The numbers are in the order of this machine's bytes.
  static func gateways(routes text: [UInt8]) -> Set<String> {
    Set(
      String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
        let words = line.split { $0 == "\t" || $0 == " " }
        guard words.count > 7, words[1] == "00000000", words[7] == "00000000", words[2].utf8.count == 8,
          let gateway = UInt32(words[2], radix: 16), gateway != 0
        else { return nil }
        let bytes = withUnsafeBytes(of: gateway) { Array($0) }
        return bytes.map(String.init).joined(separator: ".")
      })
  }

  /// The routers of `ipv6_route` that lead to everywhere.
  static func gateways(routes6 text: [UInt8]) -> Set<String> {
    Set(
      String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        guard words.count > 4, words[1] == "00", words[4].contains(where: { $0 != "0" }) else { return nil }
        return version6(words[4])
      })
  }

  /// The usual form of 32 digits.
  private static func version6(_ digits: Substring) -> String? {
    let digits = Array(digits.utf8)
    guard digits.count == 32 else { return nil }
    var address = in6_addr()
    for index in 0..<16 {
      guard let byte = UInt8(String(decoding: digits[(2 * index)..<(2 * index + 2)], as: UTF8.self), radix: 16)
      else { return nil }
      withUnsafeMutableBytes(of: &address) { $0[index] = byte }
    }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      inet_ntop(AF_INET6, &address, buffer.baseAddress, socklen_t(buffer.count)).map { String(cString: $0) }
    }
  }
}

extension ProcessTree {
  /// The addresses under which a node speaks to its pods: those of its own network and the routers of ours, since an
  /// address is translated to that of the interface that leads to us. None where they cannot be read.
  public var nodeAddresses: Set<String> {
    func read<Answer>(_ process: String, _ file: String, _ parse: ([UInt8]) -> Set<Answer>) -> Set<Answer> {
      BoundedFile.content("\(root)/\(process)/net/\(file)", limit: 1 << 20).map(parse) ?? []
    }
    return read("1", "fib_trie", NetworkAddresses.local(trie:))
      .union(read("1", "if_inet6", NetworkAddresses.local(interfaces:)))
      .union(read("self", "route", NetworkAddresses.gateways(routes:)))
      .union(read("self", "ipv6_route", NetworkAddresses.gateways(routes6:)))
  }
}
