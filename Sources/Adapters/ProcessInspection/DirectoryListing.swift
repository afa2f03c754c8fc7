import Glibc

/// The names in a directory.
enum DirectoryListing {
  /// The names without `.` and `..`, in no order, at most `limit`; none where the directory cannot be read.
  static func names(_ path: String, in directory: Int32 = AT_FDCWD, limit: Int) -> [String] {
    names(of: openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), limit: limit)
  }

  /// The names in an open directory, which is closed.
  static func names(of descriptor: Int32, limit: Int) -> [String] {
    var names: [String] = []
    forEach(of: descriptor) { name, _ in
      let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
      if text != "." && text != ".." { names.append(text) }
      return names.count < limit
    }
    return names
  }

  /// Calls `body` with each name, which a zero ends, and its inode until it answers false; closes the descriptor.
  static func forEach(of descriptor: Int32, _ body: (UnsafeRawBufferPointer, UInt64) -> Bool) {
    guard descriptor >= 0 else { return }
    guard let directory = fdopendir(descriptor) else {
      close(descriptor)
      return
    }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let inode = UInt64(entry.pointee.d_ino)
      guard withUnsafeBytes(of: &entry.pointee.d_name, { body($0, inode) }) else { return }
    }
  }
}
