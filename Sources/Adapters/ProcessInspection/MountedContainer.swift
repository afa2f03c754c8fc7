/// A container by what the kubelet mounts into it: `<pods>/<UID>/containers/<name>/<file>` for its termination message.
/// For runtimes whose cgroups do not name the container.
struct MountedContainer: Sendable, Hashable {
  var podUID: String
  var containerName: String

  /// A container of a pod.
  init(podUID: String, containerName: String) {
    self.podUID = podUID
    self.containerName = containerName
  }

  /// Reads `/proc/PID/mountinfo` (proc_pid_mountinfo(5)), whose fourth field is the path that is mounted.
  init?(mounts text: [UInt8]) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 4)
      guard fields.count > 3, let found = Self(path: String(decoding: fields[3], as: UTF8.self)) else { continue }
      self = found
      return
    }
    return nil
  }

  private init?(path: String) {
    let parts = path.split(separator: "/")
    guard let index = parts.firstIndex(of: "containers"), index > 0, index + 2 < parts.count,
      ContainerReference.isPodUID(parts[index - 1])
    else { return nil }
    podUID = String(parts[index - 1])
    containerName = String(parts[index + 1])
  }
}
