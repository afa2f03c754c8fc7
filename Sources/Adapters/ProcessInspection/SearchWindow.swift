import CShims
import Glibc

/// A part of a file; it may reach beyond the end of it.
struct FileRange: Sendable, Hashable {
  /// Where it begins, in bytes.
  var offset: UInt64
  /// How many bytes it has at most.
  var size: UInt64

  /// The same without its first bytes.
  func dropFirst(_ count: Int) -> FileRange {
    let dropped = min(UInt64(count), size)
    return FileRange(offset: offset &+ dropped, size: size - dropped)
  }

  /// At most so many of its bytes.
  func prefix(_ count: Int) -> FileRange { FileRange(offset: offset, size: min(size, UInt64(count))) }
}

/// Memory through which parts of files are searched, a piece at a time: however long a part is, no more of it is held.
/// What is found is what a search of the whole part would find, wherever one piece ends and the next begins. Not for
/// several threads at once.
final class SearchWindow {
  private var bytes: UnsafeMutableRawBufferPointer

  /// malloc asks the kernel for fresh pages for each piece of memory from 128 KiB on; half of that is reused.
  private static let usualSize = 64 << 10

  /// Makes one of so many bytes. It grows where that is not twice what has to be seen together.
  init(size: Int = usualSize) { bytes = .allocate(byteCount: max(1, size), alignment: 16) }

  deinit { bytes.deallocate() }

  /// Searches a text and gives each place of it to `body`, until that answers. Places do not overlap.
  ///
  /// - Parameters:
  ///   - text: what is searched, byte by byte.
  ///   - before: how many bytes before the text `body` gets; fewer where the part begins.
  ///   - after: how many bytes behind the text it gets; fewer where the part or the file ends.
  ///   - range: the part of the file.
  ///   - body: gets where the text begins in the part, and the text with the bytes around it.
  func first<Answer>(
    _ text: [UInt8], before: Int = 0, after: Int, in range: FileRange, of file: borrowing BoundedFile,
    _ body: (_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Answer?
  ) -> Answer? {
    guard !text.isEmpty else { return nil }
    let whole = text.count + after
    var next = 0
    return firstPiece(of: range, file, overlap: before + whole - 1) { piece in
      while let place = piece.place(of: text, from: max(0, next - piece.start)) {
        // What follows it is not all there: the next piece has it again.
        guard piece.isLast || place + whole <= piece.bytes.count else { return nil }
        next = piece.start + place + text.count
        let seen = piece.bytes[max(0, place - before)..<min(place + whole, piece.bytes.count)]
        if let answer = body(piece.start + place, UnsafeRawBufferPointer(rebasing: seen)) { return answer }
      }
      return nil
    }
  }

  /// The index of the first of these texts that occurs, wherever it does; nil where none occurs. The file is read once.
  func firstPresent(of texts: [[UInt8]], in range: FileRange, of file: borrowing BoundedFile) -> Int? {
    var best: Int?
    let longest = texts.lazy.map(\.count).max() ?? 0
    return firstPiece(of: range, file, overlap: max(0, longest - 1)) { piece in
      best = texts.prefix(best ?? texts.count).firstIndex { piece.place(of: $0, from: 0) != nil } ?? best
      return best == 0 || piece.isLast ? best : nil
    }
  }

  // MARK: Pieces

  /// What is held of a part at a time.
  private struct Piece {
    var bytes: UnsafeRawBufferPointer
    /// Where it begins in the part.
    var start: Int
    /// Whether nothing follows it.
    var isLast: Bool

    /// Where a text begins at or after a place in the piece.
    func place(of text: [UInt8], from start: Int) -> Int? {
      guard start <= bytes.count, let base = bytes.baseAddress else { return nil }
      return shim_memmem(base + start, bytes.count - start, text, text.count).map { $0 - base }
    }
  }

  /// Calls `body` with one piece after the other until it answers. Each begins with the last `overlap` bytes of the one
  /// before. A file that has become shorter meanwhile ends where less could be read than it should have.
  private func firstPiece<Answer>(
    of range: FileRange, _ file: borrowing BoundedFile, overlap: Int, _ body: (Piece) -> Answer?
  ) -> Answer? {
    grow(2 * (overlap + 1))
    var kept = 0
    var read: UInt64 = 0
    while true {
      let wanted = Int(min(UInt64(bytes.count - kept), range.size - read))
      let (place, overflow) = range.offset.addingReportingOverflow(read)
      let free = UnsafeMutableRawBufferPointer(rebasing: bytes[kept..<kept + wanted])
      let got = overflow ? 0 : file.read(into: free, from: place)
      let start = Int(read) - kept
      read += UInt64(got)
      let held = UnsafeRawBufferPointer(rebasing: bytes[..<(kept + got)])
      let isLast = got < wanted || read == range.size
      if let answer = body(Piece(bytes: held, start: start, isLast: isLast)) { return answer }
      if isLast { return nil }
      kept = min(overlap, held.count)
      bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: held.suffix(kept)))
    }
  }

  /// Nothing that is held is kept.
  private func grow(_ size: Int) {
    guard bytes.count < size else { return }
    bytes.deallocate()
    bytes = .allocate(byteCount: size, alignment: 16)
  }
}
