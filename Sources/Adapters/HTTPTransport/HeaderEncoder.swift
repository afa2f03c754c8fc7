import CNGHTTP2

/// Header fields on their way to nghttp2, in memory that is used again for each header.
struct HeaderEncoder {
  private var bytes: [UInt8] = []
  private var ends: [(name: Int, value: Int)] = []

  mutating func reset() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  mutating func add(_ name: String, _ value: String) {
    bytes.append(contentsOf: name.utf8)
    let nameEnd = bytes.count
    bytes.append(contentsOf: value.utf8)
    ends.append((nameEnd, bytes.count))
  }

  mutating func add(_ name: StaticString, _ value: String) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    let nameEnd = bytes.count
    bytes.append(contentsOf: value.utf8)
    ends.append((nameEnd, bytes.count))
  }

  mutating func add(_ name: StaticString, number: Int) { add(name, String(number)) }

  mutating func add(status: Int) {
    add(":status", status == 200 ? "200" : String(status))
  }

  mutating func withFields<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
    let ends = ends
    return bytes.withUnsafeMutableBufferPointer { bytes in
      withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: ends.count) { fields in
        guard let start = bytes.baseAddress else { return body(nil, 0) }
        var offset = 0
        for (index, end) in ends.enumerated() {
          fields.initializeElement(
            at: index,
            to: nghttp2_nv(
              name: start + offset, value: start + end.name, namelen: end.name - offset, valuelen: end.value - end.name,
              flags: 0))
          offset = end.value
        }
        return body(UnsafePointer(fields.baseAddress), ends.count)
      }
    }
  }
}
