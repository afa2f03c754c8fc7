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

  /// The versions of the interface: since Kubernetes 1.20 the first, before that only the second.
  private static let versions = ["v1", "v1alpha2"]

  /// A client of the first of these sockets at which a container runtime answers.
  public init(sockets: [String] = NodePath.runtimeSockets, loop: EventLoop) {
    self.sockets = sockets
    self.loop = loop
  }

  /// The environment that the runtime starts the container with; `containerID` without the runtime's name.
  public func environment(containerID: String) async throws(ContainerRuntimeError) -> ContainerEnvironment {
    var failure: ContainerRuntimeError?
    for path in present {
      let client = connection(path)
      do throws(GRPCStatus) {
        return try await environment(containerID, client)
      } catch {
        let message = "the container runtime at \(path) does not tell about container: \(error)"
        failure = failure ?? ContainerRuntimeError(message)
        // 14: nobody answers there, so that another socket may be the one; a runtime that answers has said it all.
        guard error.code == 14 else { break }
      }
    }
    let places = sockets.joined(separator: ", ")
    throw failure ?? ContainerRuntimeError("there is no socket of a container runtime at \(places)")
  }

  /// What the container's own information says and, where a runtime has none, its image's.
  private func environment(_ id: String, _ client: GRPCClient) async throws(GRPCStatus) -> ContainerEnvironment {
    var request = ContainerStatusRequest()
    request.containerID = id
    request.verbose = true
    let answer = try await call("RuntimeService/ContainerStatus", request.protobuf(), client)
    let status = try Self.parsed { try ContainerStatusResponse(protobuf: answer) }
    if let text = status.info["info"] { return try Self.parsed { try ContainerEnvironment(verboseInformation: text) } }
    guard !status.imageReference.isEmpty else {
      throw GRPCStatus(13, "its answer has no verbose information and names no image")
    }
    let image = ImageStatusRequest(imageReference: status.imageReference, verbose: true)
    let imageAnswer = try await call("ImageService/ImageStatus", image.protobuf(), client)
    let information = try Self.parsed { try ImageStatusResponse(protobuf: imageAnswer) }.info["info"]
    guard let information else { throw GRPCStatus(13, "neither its container nor its image has verbose information") }
    return try Self.parsed { try ContainerEnvironment(imageInformation: information) }
  }

  private func call(_ method: String, _ request: [UInt8], _ client: GRPCClient) async throws(GRPCStatus) -> [UInt8] {
    var failure = GRPCStatus(12, "")
    for version in Self.versions {
      do throws(GRPCStatus) {
        return try await client.unary("/runtime.\(version).\(method)", request, timeout: Self.timeout)
      } catch {
        failure = error
        // 12: this version of the interface is not served.
        guard error.code == 12 else { break }
      }
    }
    throw failure
  }

  /// Closes the connection.
  public func close() {
    let old = connection.withLock { connection in
      defer { connection = nil }
      return connection?.client
    }
    old?.close()
  }

  /// The sockets that are there; the runtime may be replaced by another while we run. The one that worked comes first.
  private var present: [String] {
    let known = connection.withLock { $0?.path }
    let all = sockets.filter { access($0, F_OK) == 0 }
    return all.filter { $0 == known } + all.filter { $0 != known }
  }

  private func connection(_ path: String) -> GRPCClient {
    connection.withLock { connection in
      if let connection, connection.path == path { return connection.client }
      connection?.client.close()
      let client = GRPCClient(address: .unix(path: path), loop: loop, maximumMessageSize: Self.maximumMessageSize)
      connection = (path, client)
      return client
    }
  }

  private static func parsed<Answer>(_ body: () throws -> Answer) throws(GRPCStatus) -> Answer {
    do { return try body() } catch { throw GRPCStatus(13, "\(error)") }
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
    all = Self.parsed(variables)
    // No variable asked for leaves `envs` out.
    requestedNames = information["config"]?.object.map { config in
      Set((config["envs"]?.array ?? []).compactMap { $0["key"]?.string })
    }
  }

  /// Reads the JSON text that containerd and CRI-O give for an image: `imageSpec` is its OCI configuration.
  init(imageInformation text: String) throws {
    let information = try JSONValue(parsing: text)
    guard let configuration = information.at("imageSpec", "config") else {
      throw ContainerRuntimeError("its information has no imageSpec.config")
    }
    all = Self.parsed(configuration["Env"]?.array ?? [])
    requestedNames = []
  }

  private static func parsed(_ variables: [JSONValue]) -> [String: String] {
    var result: [String: String] = [:]
    for variable in variables.compactMap(\.string) {
      guard let equals = variable.firstIndex(of: "=") else { continue }
      result[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
    }
    return result
  }
}
