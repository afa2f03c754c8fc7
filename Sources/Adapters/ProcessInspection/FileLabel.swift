import CShims
import Glibc

/// The SELinux label of a file, links not followed.
public enum FileLabel {
  /// The label; nil for none.
  public static func get(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer -> String? in
      let count = odigos_label_get(path, buffer.baseAddress, buffer.count)
      guard count > 0 else { return nil }
      // The kernel's ends with a null, others' may not.
      return String(decoding: UnsafeRawBufferPointer(buffer)[..<count].prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Sets the label, with nil removes it; answers `errno`, 0 for success.
  public static func set(_ path: String, _ label: String?) -> Int32 {
    // As the kernel keeps it: with the null at its end.
    odigos_label_set(path, label, (label?.utf8.count ?? 0) + 1) == 0 ? 0 : errno
  }
}
