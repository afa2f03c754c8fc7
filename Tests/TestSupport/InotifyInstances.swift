import Glibc

/// How many inotify instances of this process watch a directory.
public func inotifyInstances(on directory: String) -> Int {
  var status = stat()
  guard stat(directory, &status) == 0, let descriptors = opendir("/proc/self/fdinfo") else { return 0 }
  defer { closedir(descriptors) }
  let inode = "ino:" + String(status.st_ino, radix: 16) + " "
  var count = 0
  while let entry = readdir(descriptors) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    guard let file = fopen("/proc/self/fdinfo/\(name)", "re") else { continue }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 16384)
    let length = fread(&text, 1, text.count, file)
    let lines = String(decoding: text[..<length], as: UTF8.self).split(separator: "\n")
    if lines.contains(where: { $0.hasPrefix("inotify ") && $0.contains(inode) }) { count += 1 }
  }
  return count
}
