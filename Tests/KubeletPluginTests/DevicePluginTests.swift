import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import Logging
import TestSupport
import Testing

@testable import KubeletPlugin

/// The plugin over real sockets, against a kubelet in Python.
@Suite(.serialized, .enabled(if: PythonWithGRPC.path != nil, "no Python with grpcio: run hack/setup build"))
struct DevicePluginTests {
  /// A plugin that runs beside `body`.
  private func withPlugin(
    capacity: Int = 5, _ body: @Sendable (RunningPlugin) async throws -> Void
  ) async throws {
    let running = try RunningPlugin(capacity: capacity)
    let task = Task { await running.plugin.run() }
    do {
      try await body(running)
    } catch {
      Issue.record(error)
    }
    task.cancel()
    await task.value
    #expect(running.socket == nil, "the socket stays behind")
    running.remove()
  }

  @Test func registersAndTellsOfItsDevices() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      #expect(
        try await kubelet.expect("registered")
          == "registered v1beta1 instrumentation.odigos.io_generic instrumentation.odigos.io/generic")
      #expect(try await kubelet.expect("options") == "options False False")
      #expect(try await kubelet.expect("devices") == "devices 5 5 device-0")
      try await eventually("registered") { running.states.last == .registered }
      running.plugin.setProblem("no files")
      #expect(try await kubelet.expect("devices", count: 2) == "devices 5 0 device-0")
      running.plugin.setProblem(nil)
      #expect(try await kubelet.expect("devices", count: 3) == "devices 5 5 device-0")
      running.plugin.setCapacity(7)
      #expect(try await kubelet.expect("devices", count: 4) == "devices 7 7 device-0")
    }
  }

  @Test func answersAllocations() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      kubelet.command(#"allocate [["device-1"],["device-2","device-3"]]"#)
      let mount =
        #"container_responses { mounts { container_path: "/var/odigos" host_path: "/var/odigos" read_only: true } }"#
      let answer = try await kubelet.expect("answer")
      #expect(answer.split(separator: " ").joined(separator: " ") == "answer \(mount) \(mount)")
      kubelet.command(#"allocate [["device-77"]]"#)
      #expect(
        try await kubelet.expect("error") == #"error 3 container_requests[0]: there is no device "device-77""#)
      kubelet.command(#"prefer [[["device-1","device-2"],["device-2"],1]]"#)
      #expect(try await kubelet.expect("answer", count: 2).contains(#"deviceIDs: "device-2""#))
      kubelet.command(#"prestart ["device-1"]"#)
      #expect(try await kubelet.expect("answer", count: 3) == "answer")
      kubelet.command("raw Allocate 0aff")
      #expect(try await kubelet.expect("error", count: 2).hasPrefix("error 3 the request is no "))
      kubelet.command("raw Steal 00")
      #expect(try await kubelet.expect("error", count: 3).hasPrefix("error 12"))
    }
  }

  @Test func registersAgainWithAKubeletThatStartsAnew() async throws {
    try await withPlugin { running in
      for _ in 1...5 {
        let kubelet = try await KubeletProcess(directory: running.directory)
        try await kubelet.expect("devices")
        #expect(kubelet.lines.count { $0.hasPrefix("registered") } == 1)
        kubelet.command("quit")
      }
      // One listener, its connections and nothing of the kubelets before.
      #expect(running.openSockets < 12)
    }
  }

  @Test func registersAgainWhenItsSocketIsDeleted() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      unlink(running.configuration.socketPath)
      try await kubelet.expect("devices", count: 2)
      #expect(running.socket != nil)
    }
  }

  @Test func registersAgainWhenTheKubeletDropsIt() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      try await eventually("registered") { running.states.last == .registered }
      kubelet.command("leave")
      try await eventually("not registered") {
        running.states.drop { $0 != .registered }.contains(.pending)
      }
      try await kubelet.expect("registered", count: 2)
      try await kubelet.expect("devices", count: 2)
      try await eventually("registered again") { running.states.last == .registered }
    }
  }

  @Test func registersAgainWhenTheKubeletDropsItWhileAnotherProcessFollowsItsDevices() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      try await eventually("registered") { running.states.last == .registered }
      let other = try await KubeletProcess(
        "follower.py", directory: running.configuration.socketPath, saying: "follows")
      kubelet.command("leave")
      try await kubelet.expect("registered", count: 2)
      try await kubelet.expect("devices", count: 2)
      try await eventually("registered again") { running.states.last == .registered }
      // It followed on the socket before, which is no more.
      try await other.expect("ended")
    }
  }

  @Test func isNotRegisteredWithAKubeletThatWasKilled() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      try await eventually("registered") { running.states.last == .registered }
      kubelet.command("quit")
      try await eventually("failed") { if case .failed? = running.states.last { true } else { false } }
      #expect(SocketIdentity(path: running.configuration.kubeletSocketPath) != nil, "the fixture leaves no socket")
    }
  }

  @Test func isRegisteredOnlyOnceTheKubeletFollowsItsDevices() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      try await eventually("registered") { running.states.last == .registered }
      kubelet.command("deaf")
      try await kubelet.expect("deaf")
      unlink(running.configuration.socketPath)
      try await kubelet.expect("registered", count: 2)
      try await eventually("not registered") { running.states.last == .pending }
      #expect(running.states.count { $0 == .registered } == 1)
      kubelet.command("follow")
      try await kubelet.expect("devices", count: 2)
      try await eventually("registered again") { running.states.last == .registered }
    }
  }

  @Test func triesAgainUntilTheKubeletAccepts() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      kubelet.command("refuse 2")
      try await kubelet.expect("refusing")
      unlink(running.configuration.socketPath)
      try await kubelet.expect("refused", count: 2)
      try await kubelet.expect("devices", count: 2)
    }
  }

  @Test func tellsItsHealthToWhoeverAsks() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      kubelet.command("health")
      #expect(try await kubelet.expect("health") == "health NOT_SERVING")
      kubelet.command("watch-health")
      #expect(try await kubelet.expect("now") == "now NOT_SERVING")
      running.status.set(true)
      #expect(try await kubelet.expect("now", count: 2) == "now SERVING")
      kubelet.command("health v1beta1.DevicePlugin")
      #expect(try await kubelet.expect("health", count: 2) == "health SERVING")
      kubelet.command("health odigos.Coffee")
      #expect(try await kubelet.expect("health error").hasPrefix("health error 5"))
    }
  }

  @Test func answersWhateverIsWrongOnTheWire() async throws {
    try await withPlugin { running in
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
      let wire = try await KubeletProcess("wire.py", directory: running.configuration.socketPath, saying: "done")
      let failures = wire.lines.filter { $0.hasPrefix("FAILED") }
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
      #expect(wire.lines.count { $0.hasPrefix("ok") } > 30)
      // The kubelet's stream has been left alone.
      running.plugin.setCapacity(6)
      #expect(try await kubelet.expect("devices", count: 2) == "devices 6 6 device-0")
    }
  }

  @Test func outlastsWhateverAnswersInTheKubeletsPlace() async throws {
    try await withPlugin { running in
      do {
        let hostile = try await KubeletProcess("hostile.py", directory: running.directory)
        try await hostile.expect("answered nothing", count: 2)
        #expect(!running.states.contains(.registered))
      }
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
    }
  }

  @Test func leaksNothingOverManyKubelets() async throws {
    try await withPlugin { running in
      var descriptors: [Int] = []
      for round in 0..<6 {
        let kubelet = try await KubeletProcess(directory: running.directory)
        try await kubelet.expect("devices")
        if round % 2 == 0 { kubelet.command("quit") } else { unlink(running.configuration.kubeletSocketPath) }
        try await eventually("the end of the kubelet's connections") {
          running.plugin.watcherCount == 0 || round % 2 == 1
        }
        descriptors.append(running.openDescriptors)
      }
      #expect(descriptors[5] <= descriptors[1] + 1, "\(descriptors)")
    }
  }

  @Test func waitsForADirectoryThatIsNotThereYet() async throws {
    try await withPlugin { running in
      rmdir(running.directory)
      mkdir(running.directory, 0o755)
      let kubelet = try await KubeletProcess(directory: running.directory)
      try await kubelet.expect("devices")
    }
  }
}

/// A plugin and its directory.
private final class RunningPlugin: Sendable {
  let directory: String
  let configuration: DevicePluginConfiguration
  let plugin: DevicePlugin
  let status = ServingStatus()
  private let loop: EventLoop
  private let seen: Locked<[RegistrationMachine.State]>

  init(capacity: Int) throws {
    directory = "/tmp/odiglet-plugin-\(UInt32.random(in: 0...UInt32.max))"
    mkdir(directory, 0o755)
    var configuration = DevicePluginConfiguration(
      resourceName: "instrumentation.odigos.io/generic", capacity: capacity,
      mounts: [HostMount(hostPath: "/var/odigos", containerPath: "/var/odigos")])
    configuration.directory = directory
    self.configuration = configuration
    loop = try EventLoop(name: "plugin-test")
    let states = Locked<[RegistrationMachine.State]>([])
    seen = states
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    plugin = DevicePlugin(
      configuration: configuration, watch: SharedDirectoryWatch(directory, loop: loop, logger: logger), loop: loop,
      logger: logger, status: status
    ) { state in
      states.withLock { $0.append(state) }
    }
  }

  /// The states that were reported.
  var states: [RegistrationMachine.State] { seen.withLock { $0 } }

  /// The plugin's socket.
  var socket: SocketIdentity? { SocketIdentity(path: configuration.socketPath) }

  /// How many files this process has open.
  var openDescriptors: Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }

  /// How many sockets of this process have the directory's name, and how many peers they have.
  var openSockets: Int {
    guard let file = fopen("/proc/net/unix", "r") else { return 0 }
    defer { fclose(file) }
    var count = 0
    var line: UnsafeMutablePointer<CChar>?
    var size = 0
    while getline(&line, &size, file) > 0 {
      if let line, strstr(line, configuration.socketPath) != nil { count += 1 }
    }
    free(line)
    return count
  }

  func remove() {
    loop.shutdown()
    unlink(configuration.kubeletSocketPath)
    rmdir(directory)
  }
}
