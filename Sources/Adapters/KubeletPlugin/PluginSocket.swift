import EventLoop
import Glibc
import HTTPTransport

/// The server on the plugin's socket: at most one at a time, and no socket left behind.
struct PluginSocket {
  private let configuration: DevicePluginConfiguration
  private let loop: EventLoop
  private let inventory: DeviceInventory
  private let status: ServingStatus
  private var server: HTTPServer?
  private var identity: SocketIdentity?

  init(configuration: DevicePluginConfiguration, loop: EventLoop, inventory: DeviceInventory, status: ServingStatus) {
    self.configuration = configuration
    self.loop = loop
    self.inventory = inventory
    self.status = status
  }

  var isServing: Bool { server != nil }

  /// Whether we serve on a socket that nobody can find any more.
  var isGone: Bool {
    server != nil && SocketIdentity(path: configuration.socketPath)?.inode != identity?.inode
  }

  mutating func start() throws(HTTPServerError) {
    // What a process that was killed has left; the kubelet itself makes no such name.
    unlink(configuration.socketPath)
    var settings = HTTPServerConfiguration(address: .unix(path: configuration.socketPath))
    // Kubelets before 1.26 send the socket's path as `:authority`.
    settings.acceptsSocketPathAuthority = true
    // Anybody who may open the socket can follow the devices; what the kubelet does is another matter.
    settings.identifiesPeers = true
    let service = DevicePluginService(
      inventory: inventory, mounts: configuration.mounts, serving: inventory.beginServing())
    let methods = service.methods.merging(HealthService(status: status).methods) { own, _ in own }
    server = try HTTPServer(
      configuration: settings, loop: loop, handler: .inline { _ in HTTPResponse(status: 404) }, grpc: methods)
    identity = SocketIdentity(path: configuration.socketPath)
  }

  mutating func stop() async {
    guard let server else { return }
    inventory.beginServing()
    await server.shutdown(grace: .milliseconds(200))
    if !isGone { unlink(configuration.socketPath) }
    self.server = nil
    identity = nil
  }
}

extension SocketIdentity {
  /// The socket at a path; nil when there is none.
  init?(path: String) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    // The time of modification and not of change: a socket is modified when it is made, and changed by chmod as well.
    self.init(
      inode: UInt64(status.st_ino),
      modificationTime: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
  }
}
