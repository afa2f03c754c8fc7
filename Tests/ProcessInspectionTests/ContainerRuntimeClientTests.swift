import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import ProtobufWire
import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct ContainerRuntimeClientTests {
  private static let container = "/runtime.v1.RuntimeService/ContainerStatus"
  private static let image = "/runtime.v1.ImageService/ImageStatus"
  private static let id = "docker.io/shop/web@sha256:" + String(repeating: "0a", count: 32)

  /// As of containerd, where a pod has been injected: `PYTHONPATH` is in its manifest now.
  private static let injected = """
    {"sandboxID":"s","pid":42,
     "config":{"metadata":{"name":"app"},"envs":[{"key":"A","value":"1"},{"key":"PYTHONPATH","value":"x"}]},
     "runtimeSpec":{"process":{"env":["PATH=/bin","A=1","PYTHONPATH=/img:/var/odigos/python","RUBYOPT=-W0","odd"]}}}
    """
  private static let plain = """
    {"config":{"envs":[{"key":"A","value":"1"},{"key":"PYTHONPATH","value":"/manifest"}]},
     "runtimeSpec":{"process":{"env":["PATH=/bin","A=1","PYTHONPATH=/manifest","NODE_OPTIONS=--x=y","LD_PRELOAD="]}}}
    """
  private static let pid = #"{"sandboxID":"s","pid":42}"#
  /// As of CRI-O, where `PYTHONPATH` comes from a Secret.
  private static let withoutConfig = """
    {"sandboxID":"s","pid":42,"privileged":false,
     "runtimeSpec":{"process":{"env":["PATH=/bin","PYTHONPATH=/from-secret"]}}}
    """

  /// Container runtimes that answer these methods, one a socket, for as long as `body` runs.
  private func withRuntimes(
    _ all: [[String: GRPCMethod]], before: [String] = [],
    _ body: (ContainerRuntimeClient, [String]) async throws -> Void
  ) async throws {
    let loop = try EventLoop(name: "cri-test")
    let paths = all.map { _ in "/tmp/odiglet-cri-\(UInt32.random(in: 0...UInt32.max)).sock" }
    let servers = try zip(all, paths).map { methods, path in
      try HTTPServer(
        configuration: HTTPServerConfiguration(address: .unix(path: path)), loop: loop,
        handler: .inline { _ in HTTPResponse(status: 404) }, grpc: methods)
    }
    let client = ContainerRuntimeClient(sockets: ["/nonexistent.sock"] + before + paths, loop: loop)
    do { try await body(client, paths) } catch { Issue.record(error) }
    client.close()
    for server in servers { await server.shutdown(grace: .zero) }
    loop.shutdown()
  }

  /// Says this about the container c1, whose image is known by a name, unless it has none.
  private static func answering(_ information: String?, image: String = id) -> GRPCMethod {
    .unary { (bytes: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
      guard let request = try? ContainerStatusRequest(protobuf: bytes), request.containerID == "c1"
      else { throw GRPCStatus(5, "no such container") }
      var response = ContainerStatusResponse(imageReference: image)
      if request.verbose, let information { response.info = ["info": information] }
      return response.protobuf()
    }
  }

  private static func answeringForImage(_ information: String?, count: Locked<Int> = Locked(0)) -> GRPCMethod {
    .unary { (bytes: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
      count.withLock { $0 += 1 }
      guard let request = try? ImageStatusRequest(protobuf: bytes), request.verbose, request.imageReference == id
      else { throw GRPCStatus(5, "no such image") }
      return ImageStatusResponse(info: information.map { ["info": $0] } ?? [:]).protobuf()
    }
  }

  private static func failing(_ code: Int, _ message: String) -> GRPCMethod {
    .unary { (_: [UInt8]) async throws(GRPCStatus) -> [UInt8] in throw GRPCStatus(code, message) }
  }

  private static func imageInformation(_ variables: String) -> String {
    #"{"chainID":"x","imageSpec":{"config":{"Env":["PATH=/bin"\#(variables)],"Cmd":["x"]}}}"#
  }

  private func variables(
    _ client: ContainerRuntimeClient, _ container: String = "c1", image: String = "shop/web:1",
    manifest: Set<String> = []
  ) async throws -> [CapturedVariable: String] {
    try await client.imageVariables(containerID: container, image: image, manifestNames: manifest)
  }

  /// What the image sets is its own to say: what a container is started with hides it under our entries, and what comes
  /// from a Secret would pass for it.
  @Test(
    arguments: [
      (injected, ",\"PYTHONPATH=/img\",\"RUBYOPT=-W0\"", [.pythonPath: "/img", .rubyOptions: "-W0"]),
      (injected, "", [:]), (withoutConfig, "", [:]), (withoutConfig, ",\"LD_PRELOAD=\"", [.preload: ""]),
      (nil, ",\"JAVA_TOOL_OPTIONS=-Da=b\"", [.javaToolOptions: "-Da=b"]),
      // As of cri-dockerd, whose containers say nothing of use.
      (pid, ",\"PYTHONPATH=/img\"", [.pythonPath: "/img"]),
    ] as [(String?, String, [CapturedVariable: String])])
  func asksTheImage(container: String?, image: String, expected: [CapturedVariable: String]) async throws {
    let name = container == Self.pid ? "docker-pullable://" + Self.id : Self.id
    let methods = [
      Self.container: Self.answering(container, image: name),
      Self.image: Self.answeringForImage(Self.imageInformation(image)),
    ]
    try await withRuntimes([methods]) { client, _ in
      let found = try await variables(client, manifest: ["PYTHONPATH"])
      #expect(found == expected)
    }
  }

  @Test(arguments: ["/runtime.v1.", "/runtime.v1alpha2."]) func asksEitherVersionOfTheInterface(_ version: String)
    async throws
  {
    let methods = [
      version + "RuntimeService/ContainerStatus": Self.answering(nil),
      version + "ImageService/ImageStatus": Self.answeringForImage(Self.imageInformation(",\"PYTHONPATH=/img\"")),
    ]
    try await withRuntimes([methods]) { client, _ in
      let found = try await variables(client)
      #expect(found == [.pythonPath: "/img"])
    }
  }

  /// Names that say what the image contains; a tag may be moved.
  @Test(
    arguments: [
      (id, 1), (String(repeating: "0a", count: 32), 1), ("sha256:" + String(repeating: "0a", count: 32), 1),
      ("shop/web:1", 3), ("shop/web:" + String(repeating: "0a", count: 32), 3), ("", 3),
    ])
  func anImageIsAskedForOnce(image: String, asked: Int) async throws {
    let count = Locked(0)
    let methods = [
      Self.container: Self.answering(nil),
      Self.image: Self.answeringForImage(Self.imageInformation(",\"PYTHONPATH=/img\""), count: count),
    ]
    try await withRuntimes([methods]) { client, _ in
      for _ in 0..<3 {
        let found = try await variables(client, image: image)
        #expect(found == [.pythonPath: "/img"])
      }
    }
    #expect(count.withLock { $0 } == asked)
  }

  /// Where nothing is said of the image, what the kubelet asked for is taken from what the container has.
  @Test(
    arguments: [nil, "{}", #"{"imageSpec":null}"#, "no JSON", "missing"] as [String?])
  func subtractsWhereTheImageTellsNothing(image: String?) async throws {
    let answer = image == "missing" ? Self.failing(2, "no such content") : Self.answeringForImage(image)
    let methods = [Self.container: Self.answering(Self.plain), Self.image: answer]
    try await withRuntimes([methods]) { client, _ in
      let declared = try await variables(client, image: Self.id, manifest: ["NODE_OPTIONS"])
      #expect(declared == [.preload: ""])
      let other = try await variables(client, image: Self.id)
      #expect(other == [.preload: "", .nodeOptions: "--x=y"])
    }
  }

  /// Nothing is said rather than something wrong: what follows would be written into manifests.
  @Test(
    arguments: [
      (withoutConfig, nil, "tells neither"), (injected, nil, "our agent is in PYTHONPATH"),
      ("{}", nil, "runtimeSpec.process.env"), ("no JSON", nil, "JSON"), (nil, nil, "verbose"),
      // It may have something to say.
      (plain, failing(4, "too late"), "too late"), (plain, failing(14, "not ready"), "not ready"),
    ] as [(String?, GRPCMethod?, String)])
  func saysWhyNothingIsKnown(container: String?, image: GRPCMethod?, words: String) async throws {
    let methods = [
      Self.container: Self.answering(container), Self.image: image ?? Self.answeringForImage(nil),
    ]
    try await withRuntimes([methods]) { client, paths in
      let error = await #expect(throws: ContainerRuntimeError.self) { try await variables(client) }
      let text = error?.description ?? ""
      #expect(text.contains(paths[0]) && text.contains(words), "\(text)")
    }
  }

  /// A node with Docker has containerd's socket as well: with the interface off, or on and without the containers. The
  /// socket of a runtime that has gone may still be there.
  @Test(
    arguments: [
      [:], [container: failing(5, "no such container")], [container: failing(14, "not ready")],
      [container: failing(13, "broken")],
    ] as [[String: GRPCMethod]])
  func goesOnToTheNextSocket(first: [String: GRPCMethod]) async throws {
    let stale = "/tmp/odiglet-cri-stale-\(UInt32.random(in: 0...UInt32.max)).sock"
    close(open(stale, O_CREAT | O_WRONLY, 0o600))
    defer { unlink(stale) }
    let second = [
      Self.container: Self.answering(nil),
      Self.image: Self.answeringForImage(Self.imageInformation(",\"PYTHONPATH=/img\"")),
    ]
    try await withRuntimes([first, second], before: [stale]) { client, _ in
      for _ in 0..<2 {
        let found = try await variables(client)
        #expect(found == [.pythonPath: "/img"])
      }
    }
  }

  /// Of several failures that of the runtime which seems to be the one.
  @Test(
    arguments: [
      ([:], [container: failing(5, "no such container")], 1), ([container: failing(5, "no such")], [:], 0),
      ([container: failing(5, "no such")], [container: failing(13, "broken")], 1),
      ([container: failing(14, "not ready")], [:], 1),
    ] as [([String: GRPCMethod], [String: GRPCMethod], Int)])
  func reportsTheFailureThatTellsMost(first: [String: GRPCMethod], second: [String: GRPCMethod], told: Int) async throws
  {
    try await withRuntimes([first, second]) { client, paths in
      let error = await #expect(throws: ContainerRuntimeError.self) { try await variables(client, "x") }
      #expect(error?.description.contains(paths[told]) == true, "\(error?.description ?? "")")
    }
  }

  @Test func saysThatThereIsNoSocket() async throws {
    let loop = try EventLoop(name: "cri-test")
    let client = ContainerRuntimeClient(sockets: ["/nonexistent.sock"], loop: loop)
    let error = await #expect(throws: ContainerRuntimeError.self) { try await variables(client) }
    #expect(error?.description.contains("/nonexistent.sock") == true)
    loop.shutdown()
  }
}
