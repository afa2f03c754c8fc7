import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import ProtobufWire

/// A client of the node's container runtime (CRI over gRPC on a Unix socket).
public final class ContainerRuntimeClient: Sendable {
  private struct State {
    var clients: [String: GRPCClient] = [:]
    /// The socket that gave an answer last.
    var answering: String?
    /// What images set, by what names their contents: that never changes.
    var images: [String: [CapturedVariable: String]] = [:]
  }

  private let sockets: [String]
  private let loop: EventLoop
  private let state = Locked(State())

  /// Verbose information of a container with a long environment and many mounts stays well below this.
  private static let maximumMessageSize = 4 << 20
  private static let timeout = Duration.seconds(2)
  /// More images than a node keeps; then it is asked again.
  private static let maximumImages = 1000

  /// The versions of the interface: since Kubernetes 1.20 the first, before that only the second.
  private static let versions = ["v1", "v1alpha2"]

  /// A client of those of these sockets at which a container runtime answers.
  public init(sockets: [String] = NodePath.runtimeSockets, loop: EventLoop) {
    self.sockets = sockets
    self.loop = loop
  }

  /// The variables that the image of a container sets, of those that matter to agents.
  ///
  /// - Parameters:
  ///   - containerID: Without the runtime's name.
  ///   - image: What the pod's status calls the image. One that names its content is asked for once.
  ///   - manifestNames: The names of the variables in the pod's manifest, for runtimes that tell nothing of the image.
  public func imageVariables(
    containerID: String, image: String, manifestNames: Set<String>
  ) async throws(ContainerRuntimeError) -> [CapturedVariable: String] {
    let isContent = Self.namesContent(image)
    if isContent, let known = state.withLock({ $0.images[image] }) { return known }
    var failure: (path: String, error: GRPCStatus)?
    for path in present {
      do throws(GRPCStatus) {
        let (variables, isOfImage) = try await imageVariables(containerID, manifestNames, client(path))
        state.withLock { state in
          state.answering = path
          guard isContent, isOfImage else { return }
          if state.images.count >= Self.maximumImages { state.images = [:] }
          state.images[image] = variables
        }
        return variables
      } catch {
        // Another socket may be the one: nodes with Docker have containerd's as well, where nobody knows of containers.
        if failure.map({ Self.weight(error) > Self.weight($0.error) }) ?? true { failure = (path, error) }
      }
    }
    guard let failure else {
      throw ContainerRuntimeError(
        "there is no socket of a container runtime at \(sockets.joined(separator: ", ")); if it is elsewhere, set "
          + "CONTAINER_RUNTIME_SOCK of the node agent")
    }
    throw ContainerRuntimeError(
      "the container runtime at \(failure.path) does not tell about container: \(failure.error)")
  }

  /// How much the failure of one runtime tells beside those of others: that nobody answers (14) and that a runtime is
  /// not one of Kubernetes (12) or does not know the container (5) is the least.
  private static func weight(_ failure: GRPCStatus) -> Int {
    switch failure.code {
    case 14: 0
    case 12: 1
    case 5: 2
    default: 3
    }
  }

  /// Whether the name of an image ends with a digest or is an id: 64 hexadecimal digits, which a tag may have as well.
  private static func namesContent(_ image: String) -> Bool {
    let digits = image.utf8.suffix(64)
    return digits.count == 64 && digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
      && (image.utf8.count == 64 || image.dropLast(64).hasSuffix("sha256:"))
  }

  /// What a runtime says, and whether the image's own information says so.
  private func imageVariables(
    _ id: String, _ manifestNames: Set<String>, _ client: GRPCClient
  ) async throws(GRPCStatus) -> ([CapturedVariable: String], Bool) {
    let status = try await container(id, verbose: false, client)
    if let variables = try await variables(ofImage: status.imageReference, client) { return (variables, true) }
    guard let text = try await container(id, verbose: true, client).info["info"] else {
      throw GRPCStatus(13, "neither its image nor its container has verbose information")
    }
    return try Self.parsed {
      (try ContainerEnvironment(verboseInformation: text).fromImage(manifestNames: manifestNames), false)
    }
  }

  private func container(
    _ id: String, verbose: Bool, _ client: GRPCClient
  ) async throws(GRPCStatus) -> ContainerStatusResponse {
    var request = ContainerStatusRequest()
    request.containerID = id
    request.verbose = verbose
    let answer = try await call("RuntimeService/ContainerStatus", request.protobuf(), client)
    return try Self.parsed { try ContainerStatusResponse(protobuf: answer) }
  }

  /// Nil where a runtime has no information about images; fails where it does not answer in time, since it may have.
  private func variables(
    ofImage reference: String, _ client: GRPCClient
  ) async throws(GRPCStatus) -> [CapturedVariable: String]? {
    // cri-dockerd gives names as the pod's status has them, "docker-pullable://…", and does not take them.
    let name = reference.split(separator: "://", maxSplits: 1).last.map(String.init) ?? ""
    if name.isEmpty { return nil }
    let request = ImageStatusRequest(imageReference: name, verbose: true)
    do throws(GRPCStatus) {
      let answer = try await call("ImageService/ImageStatus", request.protobuf(), client)
      let information = try Self.parsed { try ImageStatusResponse(protobuf: answer) }.info["info"]
      guard let information else { return nil }
      return try Self.parsed { try ContainerEnvironment(imageInformation: information) }.captured
    } catch {
      if [1, 4, 14].contains(error.code) { throw error }
      return nil
    }
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

  /// Closes the connections.
  public func close() {
    let old = state.withLock { state in
      defer { state.clients = [:] }
      return state.clients.values.map(\.self)
    }
    for client in old { client.close() }
  }

  /// The sockets that are there; the runtime may be replaced by another while we run. The one that worked comes first.
  private var present: [String] {
    let known = state.withLock { $0.answering }
    let all = sockets.filter { access($0, F_OK) == 0 }
    return all.filter { $0 == known } + all.filter { $0 != known }
  }

  private func client(_ path: String) -> GRPCClient {
    state.withLock { state in
      if let client = state.clients[path] { return client }
      let client = GRPCClient(address: .unix(path: path), loop: loop, maximumMessageSize: Self.maximumMessageSize)
      state.clients[path] = client
      return client
    }
  }

  private static func parsed<Answer>(_ body: () throws -> Answer) throws(GRPCStatus) -> Answer {
    do { return try body() } catch { throw GRPCStatus(13, "\(error)") }
  }
}
