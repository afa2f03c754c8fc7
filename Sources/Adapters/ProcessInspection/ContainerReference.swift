/// Which container a process belongs to, as its cgroup tells.
public struct ContainerReference: Sendable, Hashable {
  /// The pod's `metadata.uid` (for static pods the hash that the kubelet gave); nil where the path does not have it.
  public var podUID: String?
  /// The container's id without the runtime's name before it; unique by itself.
  public var containerID: String
  /// Makes a reference.
  public init(podUID: String?, containerID: String) {
    self.podUID = podUID
    self.containerID = containerID
  }

  /// Reads `/proc/PID/cgroup`: lines `hierarchy:controllers:path`, of version 1, version 2 or both.
  ///
  /// The forms of a path: cgroupfs `…/kubepods/burstable/pod<UID>/<id>`; systemd
  /// `…/kubepods-burstable-pod<UID>.slice/cri-containerd-<id>.scope` with dashes of the UID as underscores, and
  /// `crio-` or `docker-` for other runtimes; containerd told cgroupfs under systemd
  /// `…/kubepods-burstable-pod<UID>.slice:cri-containerd:<id>`. Directories may come before (a nested node, k3s) and
  /// after (a container that makes cgroups of its own), and `/../` where the reader has its own cgroup namespace.
  public init?(cgroups text: [UInt8]) {
    var withoutPod: ContainerReference?
    // Shorter than an id: most lines of version 1 name no container.
    for line in text.split(separator: UInt8(ascii: "\n")) where line.count >= 64 {
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, let found = Self(path: String(decoding: parts[2], as: UTF8.self)) else { continue }
      guard found.podUID == nil else {
        self = found
        return
      }
      withoutPod = withoutPod ?? found
    }
    guard let withoutPod else { return nil }
    self = withoutPod
  }

  /// Reads one path. Of several containers the one below the last pod counts: where a node runs in a container, the
  /// outer one is the node itself.
  init?(path: String) {
    var podUID: String?
    var containerID: String?
    for part in path.utf8.split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") }) {
      let component = Substring(part)
      if let uid = Self.podUID(component) {
        (podUID, containerID) = (uid, nil)
      } else if containerID == nil || podUID == nil, let id = Self.containerID(component) {
        containerID = id
      }
    }
    guard let containerID else { return nil }
    self.init(podUID: podUID, containerID: containerID)
  }

  /// `pod<UID>`, or the end of a slice's name like `kubepods-burstable-pod<UID>.slice`. A UID has no `p`.
  private static func podUID(_ component: Substring) -> String? {
    // A UID has 32 digits at least.
    guard component.utf8.count >= 35 else { return nil }
    let name = component.hasSuffix(".slice") ? component.dropLast(".slice".count) : component
    guard let start = name.lastIndex(of: "p"), name[start...].hasPrefix("pod") else { return nil }
    let uid = String(name[start...].dropFirst("pod".count).map { $0 == "_" ? "-" : $0 })
    return isPodUID(uid) ? uid : nil
  }

  /// Whether this is a UID, or the hash that stands in its place for static pods.
  static func isPodUID(_ text: some StringProtocol) -> Bool {
    let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
    return digits.count == 32 && digits.allSatisfy(isHexDigit)
  }

  /// `<id>`, or `<runtime>-<id>.scope`.
  private static func containerID(_ component: Substring) -> String? {
    var name = component.hasSuffix(".scope") ? component.dropLast(".scope".count) : component
    if let dash = name.lastIndex(of: "-") { name = name[name.index(after: dash)...] }
    return name.utf8.count == 64 && name.utf8.allSatisfy(isHexDigit) ? String(name) : nil
  }

  static func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
