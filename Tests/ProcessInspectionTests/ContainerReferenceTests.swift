import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct ContainerReferenceTests {
  private static let uid = "0b2ccd91-3bd6-4b2c-9d54-3d0d0a4e58a1"
  private static let underscored = "0b2ccd91_3bd6_4b2c_9d54_3d0d0a4e58a1"
  private static let staticPod = "6b4c1e0d3a2f5b6c7d8e9f0a1b2c3d4e"
  private static let id = String(repeating: "0123456789abcdef", count: 4)
  private static let outer = String(repeating: "fedcba9876543210", count: 4)

  @Test(arguments: [
    ("cgroupfs, version 1", "12:pids:/kubepods/burstable/pod\(uid)/\(id)", uid),
    ("cgroupfs, guaranteed", "4:memory:/kubepods/pod\(uid)/\(id)", uid),
    ("a cluster with a root of its own", "3:cpu,cpuacct:/odigos-cluster/kubepods/besteffort/pod\(uid)/\(id)", uid),
    ("a static pod", "1:name=systemd:/kubepods/burstable/pod\(staticPod)/\(id)", staticPod),
    (
      "containerd with systemd",
      "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(underscored).slice/cri-containerd-\(id).scope",
      uid
    ),
    (
      "guaranteed with systemd", "0::/kubepods.slice/kubepods-pod\(underscored).slice/cri-containerd-\(id).scope", uid
    ),
    (
      "CRI-O",
      "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod\(underscored).slice/crio-\(id).scope",
      uid
    ),
    (
      "CRI-O with a cgroup below the container's",
      "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(underscored).slice/crio-\(id).scope/container",
      uid
    ),
    ("Docker", "5:devices:/kubepods.slice/kubepods-pod\(underscored).slice/docker-\(id).scope", uid),
    (
      "containerd told cgroupfs under systemd",
      "0::/system.slice/containerd.service/kubepods-burstable-pod\(underscored).slice:cri-containerd:\(id)", uid
    ),
    ("k3s", "0::/system.slice/k3s.service/kubepods/besteffort/pod\(uid)/\(id)", uid),
    ("a node in a container", "0::/docker/\(outer)/kubelet/kubepods/besteffort/pod\(uid)/\(id)", uid),
    (
      "a node in a pod",
      "0::/kubepods/pod11111111-2222-3333-4444-555555555555/\(outer)/kubelet/kubepods/pod\(uid)/\(id)",
      uid
    ),
    ("seen from another cgroup namespace", "0::/../../../besteffort/pod\(uid)/\(id)", uid),
    ("a container that has cgroups of its own", "0::/kubepods/pod\(uid)/\(id)/init.scope", uid),
    ("a container that runs containers", "0::/kubepods/pod\(uid)/\(id)/docker/\(outer)", uid),
  ])
  func findsPodAndContainer(form: String, line: String, uid: String) {
    let reference = ContainerReference(cgroups: Array("2:cpuset:/\n\(line)\n".utf8))
    #expect(reference == ContainerReference(podUID: uid, containerID: Self.id))
  }

  @Test func takesAContainerWithoutPod() {
    let reference = ContainerReference(cgroups: Array("0::/docker/\(Self.id)\n".utf8))
    #expect(reference == ContainerReference(podUID: nil, containerID: Self.id))
  }

  @Test func prefersTheLineThatNamesThePod() {
    let text = "3:cpu:/docker/\(Self.outer)\n0::/kubepods/pod\(Self.uid)/\(Self.id)\n"
    #expect(ContainerReference(cgroups: Array(text.utf8))?.containerID == Self.id)
  }

  @Test(arguments: [
    "", "0::/", "0::/user.slice/user-0.slice/session-1.scope", "12:pids:/kubepods/burstable/pod\(uid)",
    "0::/kubepods/podxyz/short", "garbage", "::", "0::/kubepods/pod\(uid)/\(id.uppercased())",
  ])
  func findsNothingElsewhere(text: String) {
    #expect(ContainerReference(cgroups: Array(text.utf8)) == nil)
  }
}
