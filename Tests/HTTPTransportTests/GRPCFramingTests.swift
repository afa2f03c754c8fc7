import Testing

@testable import HTTPTransport

struct GRPCFramingTests {
  @Test(arguments: [[], [1, 2, 3], [UInt8](repeating: 7, count: 70_000)])
  func messagesComeBackAsTheyWere(message: [UInt8]) throws {
    var bytes: [UInt8] = []
    GRPCFraming.append([9], to: &bytes)
    GRPCFraming.append(message, to: &bytes)
    let first = try #require(try GRPCFraming.next(in: bytes, from: 0, encoding: nil, maximumSize: 1 << 20))
    let second = try #require(try GRPCFraming.next(in: bytes, from: first.end, encoding: nil, maximumSize: 1 << 20))
    #expect(first.message == [9])
    #expect(second.message == message)
    #expect(second.end == bytes.count)
    let cut = try GRPCFraming.next(in: Array(bytes.dropLast()), from: first.end, encoding: nil, maximumSize: 1 << 20)
    #expect(cut == nil)
  }

  @Test func compressedMessagesAreExpandedWithinTheLimit() throws {
    let message = [UInt8](repeating: 5, count: 10_000)
    var bytes: [UInt8] = []
    GRPCFraming.append(Gzip.compress(message), to: &bytes)
    bytes[0] = 1
    #expect(try GRPCFraming.next(in: bytes, from: 0, encoding: "gzip", maximumSize: 10_000)?.message == message)
    for (encoding, limit, code) in [("gzip", 9_999, 8), ("snappy", 10_000, 12), (nil, 10_000, 12)] {
      #expect { try GRPCFraming.next(in: bytes, from: 0, encoding: encoding, maximumSize: limit) } throws: {
        ($0 as? GRPCStatus)?.code == code
      }
    }
  }

  @Test(arguments: [([0, 0, 0, 4, 1], 8), ([2, 0, 0, 0, 0], 13), ([1, 0, 0, 0, 1, 0], 13)])
  func badPrefixesAreRefused(bytes: [UInt8], code: Int) {
    #expect { try GRPCFraming.next(in: bytes, from: 0, encoding: "gzip", maximumSize: 1000) } throws: {
      ($0 as? GRPCStatus)?.code == code
    }
  }

  @Test(arguments: ["", "plain", "100% of äö\n", "\u{7f}~"])
  func messagesOfStatusesComeBackAsTheyWere(text: String) {
    let field = GRPCFraming.encodeMessage(text)
    #expect(field.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
    #expect(GRPCFraming.decodeMessage(field) == text)
  }

  @Test func badlyEncodedStatusMessagesStayAsTheyAre() {
    #expect(GRPCFraming.decodeMessage("50%") == "50%")
    #expect(GRPCFraming.decodeMessage("%zz") == "%zz")
  }

  @Test(arguments: [
    ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
    ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("99999999n", .nanoseconds(99_999_999)),
  ])
  func timeoutsAreRead(field: String, duration: Duration) {
    #expect(GRPCFraming.decodeTimeout(field) == duration)
  }

  @Test(arguments: ["", "5", "S", "123456789S", "-1S", "1x", "1.5S"])
  func whatIsNoTimeoutIsNone(field: String) {
    #expect(GRPCFraming.decodeTimeout(field) == nil)
  }

  @Test(arguments: [
    (Duration.seconds(1), "1000m"), (.nanoseconds(1), "1m"), (.milliseconds(1500), "1500m"),
    (.seconds(100_000), "100000S"), (.milliseconds(98_888_888), "98889S"), (.seconds(Int64.max), "99999999S"),
    (.zero, "1m"),
  ])
  func timeoutsAreWritten(duration: Duration, field: String) {
    #expect(GRPCFraming.encodeTimeout(duration) == field)
  }
}

struct GzipTests {
  @Test(arguments: [0, 1, 1000, 3_000_000])
  func bytesComeBackAsTheyWere(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    #expect(try Gzip.expand(Gzip.compress(bytes), maximumSize: count) == bytes)
  }

  @Test func bombsAreRefused() {
    let bomb = Gzip.compress([UInt8](repeating: 0, count: 50_000_000))
    #expect(throws: Gzip.Failure.tooLarge) { try Gzip.expand(bomb, maximumSize: 1 << 20) }
  }

  @Test func whatIsCutOrAppendedIsMalformed() {
    let good = Gzip.compress(Array("hello".utf8))
    for bad in [Array(good.dropLast()), good + [0], Array(good.dropFirst()), []] {
      #expect(throws: Gzip.Failure.malformed) { try Gzip.expand(bad, maximumSize: 100) }
    }
  }
}
