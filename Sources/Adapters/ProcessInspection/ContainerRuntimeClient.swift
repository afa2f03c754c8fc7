import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import JSON
import ProtobufWire

/// Why the container runtime could not say which variables an image sets.
public struct ContainerRuntimeError: Error, Sendable, CustomStringConvertible {
  /// What failed and why.
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// What a container runtime says about a container's environment.
public struct ContainerEnvironment: Sendable, Hashable {
  /// Every variable that the runtime starts the container with.
  public var all: [String: String]
  /// The names of those that the kubelet asked for; nil where the runtime does not tell.
  public var requestedNames: Set<String>?

  /// The variables that come from the image: neither the kubelet asked for them nor are they in the pod's manifest.
  public func fromImage(manifestNames: Set<String>) -> [String: String] {
    let others = manifestNames.union(requestedNames ?? [])
    return all.filter { !others.contains($0.key) }
  }
}

/// A client of the node's container runtime (CRI over gRPC on a Unix socket).
public final class ContainerRuntimeClient: Sendable {
  private let sockets: [String]
  private let loop: EventLoop
  /// The connection that worked last, and the version of the interface that it speaks.
  private let connection = Locked<(path: String, client: GRPCClient)?>(nil)

  /// Verbose information of a container with a long environment and many mounts stays well below this.
  private static let maximumMessageSize = 4 << 20
  private static let timeout = Duration.seconds(2)

  /// The services that answer `ContainerStatus`: since Kubernetes 1.20 the first, before that only the second.
  private static let methods = [
    "/runtime.v1.RuntimeService/ContainerStatus", "/runtime.v1alpha2.RuntimeService/ContainerStatus",
  ]

  /// A client of the first of these sockets that is there.
  public init(sockets: [String] = NodePath.runtimeSockets, loop: EventLoop) {
    self.sockets = sockets
    self.loop = loop
  }

  /// The environment that the runtime starts the container with; `containerID` without the runtime's name.
  public func environment(containerID: String) async throws(ContainerRuntimeError) -> ContainerEnvironment {
    let (path, client) = try connect()
    var request = ContainerStatusRequest()
    request.containerID = containerID
    request.verbose = true
    var failure = GRPCStatus(12, "")
    for method in Self.methods {
      do throws(GRPCStatus) {
        let answer = try await client.unary(method, request.protobuf(), timeout: Self.timeout)
        return try Self.parse(answer, path)
      } catch {
        failure = error
        // 12: this version of the interface is not served.
        guard error.code == 12 else { break }
      }
    }
    throw ContainerRuntimeError("the container runtime at \(path) does not tell about container: \(failure)")
  }

  /// Closes the connection.
  public func close() {
    let old = connection.withLock { connection in
      defer { connection = nil }
      return connection?.client
    }
    old?.close()
  }

  /// The runtime may be replaced by another while we run, so the socket is looked for each time.
  private func connect() throws(ContainerRuntimeError) -> (path: String, client: GRPCClient) {
    guard let path = sockets.first(where: { access($0, F_OK) == 0 }) else {
      throw ContainerRuntimeError("there is no socket of a container runtime at \(sockets.joined(separator: ", "))")
    }
    return connection.withLock { connection in
      if let connection, connection.path == path { return connection }
      connection?.client.close()
      let new = (
        path, GRPCClient(address: .unix(path: path), loop: loop, maximumMessageSize: Self.maximumMessageSize)
      )
      connection = new
      return new
    }
  }

  private static func parse(_ answer: [UInt8], _ path: String) throws(GRPCStatus) -> ContainerEnvironment {
    do {
      let response = try ContainerStatusResponse(protobuf: answer)
      guard let text = response.info["info"] else {
        throw ContainerRuntimeError("its answer has no verbose information")
      }
      return try ContainerEnvironment(verboseInformation: text)
    } catch {
      throw GRPCStatus(13, "\(error)")
    }
  }
}

extension ContainerEnvironment {
  /// Reads the JSON text of containerd and CRI-O: `runtimeSpec` is the OCI specification of the container, `config`
  /// (containerd) what the kubelet asked for.
  init(verboseInformation text: String) throws {
    let information = try JSONValue(parsing: text)
    guard let variables = information.at("runtimeSpec", "process", "env")?.array else {
      throw ContainerRuntimeError("its information has no runtimeSpec.process.env")
    }
    all = [:]
    for variable in variables.compactMap(\.string) {
      guard let equals = variable.firstIndex(of: "=") else { continue }
      all[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
    }
    // No variable asked for leaves `envs` out.
    requestedNames = information["config"]?.object.map { config in
      Set((config["envs"]?.array ?? []).compactMap { $0["key"]?.string })
    }
  }
}
