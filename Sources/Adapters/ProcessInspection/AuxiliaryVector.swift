/// What the kernel told a process at its start (getauxval(3)).
enum AuxiliaryVector {
  private static let secure: UInt64 = 23

  /// Whether there is nothing in it, as in the middle of an exec: nothing, or the end at once.
  static func isEmpty(_ bytes: [UInt8]) -> Bool { bytes.prefix(8).allSatisfy { $0 == 0 } }

  /// Whether `/proc/PID/auxv` says that the process runs in secure-execution mode, where the dynamic loader ignores
  /// LD_PRELOAD; nil where it does not say.
  static func isSecure(_ bytes: [UInt8], is64Bit: Bool) -> Bool? {
    let size = is64Bit ? 8 : 4
    let entries = ELFRecord(bytes, is64Bit: is64Bit, isLittleEndian: true)
    var place = 0
    while let type = entries.word(at: place), let value = entries.word(at: place + size), type != 0 {
      if type == secure { return value != 0 }
      place += 2 * size
    }
    return nil
  }
}
