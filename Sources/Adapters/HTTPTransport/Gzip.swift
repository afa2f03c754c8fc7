import CZlib

/// gzip (RFC 1952) by zlib.
public enum Gzip {
  /// Why bytes could not be expanded.
  public enum Failure: Error, Equatable, Sendable {
    /// They are no gzip, or not all of it.
    case malformed
    /// They expand to more than the given size.
    case tooLarge
  }

  /// The size of zlib's window and the flag for gzip's header and trailer.
  private static let windowBits: Int32 = 15 + 16
  private static let structureSize = Int32(MemoryLayout<z_stream>.size)

  /// Expands to at most `maximumSize` bytes.
  public static func expand(_ bytes: some Sequence<UInt8>, maximumSize: Int) throws(Failure) -> [UInt8] {
    var input = Array(bytes)
    var stream = z_stream()
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, structureSize) == Z_OK else { throw .malformed }
    defer { inflateEnd(&stream) }
    var output: [UInt8] = []
    var room = max(1024, min(input.count * 4, maximumSize + 1))
    var status = Z_OK
    var inputDone = 0
    while status != Z_STREAM_END {
      guard output.count <= maximumSize else { throw .tooLarge }
      let (step, taken, given) = transfer(&input, from: inputDone, into: &output, room: room, &stream) {
        inflate(&$0, Z_NO_FLUSH)
      }
      // Z_BUF_ERROR without movement: more input would be needed, and there is none.
      guard step == Z_OK || step == Z_STREAM_END, taken > 0 || given > 0 || step == Z_STREAM_END else {
        throw .malformed
      }
      inputDone += taken
      status = step
      room = min(output.count + 1024, 1 << 20)
    }
    guard output.count <= maximumSize else { throw .tooLarge }
    guard inputDone == input.count else { throw .malformed }
    return output
  }

  /// Compresses with zlib's usual effort.
  public static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var input = bytes
    var stream = z_stream()
    let initialised = deflateInit2_(
      &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, structureSize)
    guard initialised == Z_OK else { return [] }
    defer { deflateEnd(&stream) }
    var output: [UInt8] = []
    // The bound makes one call enough.
    let room = Int(deflateBound(&stream, UInt(bytes.count)))
    _ = transfer(&input, from: 0, into: &output, room: room, &stream) { deflate(&$0, Z_FINISH) }
    return output
  }

  private static func transfer(
    _ input: inout [UInt8], from start: Int, into output: inout [UInt8], room: Int, _ stream: inout z_stream,
    _ step: (inout z_stream) -> Int32
  ) -> (status: Int32, taken: Int, given: Int) {
    let old = output.count
    var status = Z_OK
    let available = input.count - start
    let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress.map { $0 + start }
        stream.avail_in = UInt32(clamping: available)
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(clamping: room)
        status = step(&stream)
      }
      count = room - Int(stream.avail_out)
    }
    output.append(contentsOf: chunk)
    return (status, available - Int(stream.avail_in), output.count - old)
  }
}
