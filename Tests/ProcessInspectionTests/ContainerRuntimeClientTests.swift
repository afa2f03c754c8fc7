import EventLoop
import Glibc
import HTTPTransport
import ProtobufWire
import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct ContainerRuntimeClientTests {
  private static let information = """
    {"sandboxID":"s","pid":42,
     "config":{"metadata":{"name":"app"},"envs":[{"key":"A","value":"1"},{"key":"PYTHONPATH","value":"/manifest"}]},
     "runtimeSpec":{"process":{"env":["PATH=/bin","A=1","PYTHONPATH=/manifest","NODE_OPTIONS=--x=y","EMPTY=","odd"]}}}
    """

  /// A container runtime that answers these methods, for as long as `body` runs.
  private func withRuntime(
    _ methods: [String: GRPCMethod], before: [String] = [],
    _ body: (ContainerRuntimeClient, String) async throws -> Void
  ) async throws {
    let loop = try EventLoop(name: "cri-test")
    let path = "/tmp/odiglet-cri-\(UInt32.random(in: 0...UInt32.max)).sock"
    let server = try HTTPServer(
      configuration: HTTPServerConfiguration(address: .unix(path: path)), loop: loop,
      handler: .inline { _ in HTTPResponse(status: 404) }, grpc: methods)
    let client = ContainerRuntimeClient(sockets: ["/nonexistent.sock"] + before + [path], loop: loop)
    do { try await body(client, path) } catch { Issue.record(error) }
    client.close()
    await server.shutdown(grace: .zero)
    loop.shutdown()
  }

  private static func answering(_ information: [String: String]) -> GRPCMethod {
    .unary { (bytes: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
      guard let request = try? ContainerStatusRequest(protobuf: bytes), request.verbose, request.containerID == "c1"
      else { throw GRPCStatus(5, "no such container") }
      var response = ContainerStatusResponse()
      response.info = information
      return response.protobuf()
    }
  }

  @Test(arguments: ["/runtime.v1.RuntimeService/ContainerStatus", "/runtime.v1alpha2.RuntimeService/ContainerStatus"])
  func asksEitherVersionOfTheInterface(method: String) async throws {
    try await withRuntime([method: Self.answering(["info": Self.information])]) { client, _ in
      let environment = try await client.environment(containerID: "c1")
      #expect(environment.requestedNames == ["A", "PYTHONPATH"])
      #expect(
        environment.fromImage(manifestNames: ["PATH"]) == ["NODE_OPTIONS": "--x=y", "EMPTY": ""])
    }
  }

  @Test(
    arguments: [
      (["info": "{}"], "runtimeSpec.process.env"), (["info": "no JSON"], "JSON"), ([:], "verbose"),
    ] as [([String: String], String)])
  func saysWhatIsWrongWithAnAnswer(information: [String: String], words: String) async throws {
    try await withRuntime(["/runtime.v1.RuntimeService/ContainerStatus": Self.answering(information)]) { client, path in
      let error = await #expect(throws: ContainerRuntimeError.self) { try await client.environment(containerID: "c1") }
      #expect(error?.description.contains(path) == true && error?.description.contains(words) == true)
    }
  }

  /// Runtimes that keep no verbose information of containers have their images'.
  @Test func asksForTheImageWhereTheContainerTellsNothing() async throws {
    let image = #"{"imageSpec":{"config":{"Env":["PATH=/bin","PYTHONPATH=/image","JAVA_TOOL_OPTIONS=-Xmx1g"]}}}"#
    let methods: [String: GRPCMethod] = [
      "/runtime.v1.RuntimeService/ContainerStatus": .unary { (_: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        ContainerStatusResponse(imageReference: "sha256:abc").protobuf()
      },
      "/runtime.v1.ImageService/ImageStatus": .unary { (bytes: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        guard let request = try? ImageStatusRequest(protobuf: bytes), request.verbose,
          request.imageReference == "sha256:abc"
        else { throw GRPCStatus(5, "no such image") }
        return ImageStatusResponse(info: ["info": image]).protobuf()
      },
    ]
    try await withRuntime(methods) { client, _ in
      let environment = try await client.environment(containerID: "c1")
      #expect(
        environment.fromImage(manifestNames: ["PYTHONPATH"])
          == ["PATH": "/bin", "JAVA_TOOL_OPTIONS": "-Xmx1g"])
    }
  }

  /// The socket of a runtime that has gone may still be there.
  @Test func goesOnToTheNextSocketWhereNobodyAnswers() async throws {
    let stale = "/tmp/odiglet-cri-stale-\(UInt32.random(in: 0...UInt32.max)).sock"
    let file = open(stale, O_CREAT | O_WRONLY, 0o600)
    close(file)
    defer { unlink(stale) }
    try await withRuntime(
      ["/runtime.v1.RuntimeService/ContainerStatus": Self.answering(["info": Self.information])], before: [stale]
    ) { client, _ in
      for _ in 0..<2 {
        let environment = try await client.environment(containerID: "c1")
        #expect(environment.requestedNames == ["A", "PYTHONPATH"])
      }
    }
  }

  @Test func saysWhatTheRuntimeSays() async throws {
    try await withRuntime(["/runtime.v1.RuntimeService/ContainerStatus": Self.answering([:])]) { client, _ in
      let error = await #expect(throws: ContainerRuntimeError.self) { try await client.environment(containerID: "x") }
      #expect(error?.description.contains("no such container") == true)
    }
  }

  @Test func saysThatThereIsNoSocket() async throws {
    let loop = try EventLoop(name: "cri-test")
    let client = ContainerRuntimeClient(sockets: ["/nonexistent.sock"], loop: loop)
    let error = await #expect(throws: ContainerRuntimeError.self) { try await client.environment(containerID: "x") }
    #expect(error?.description.contains("/nonexistent.sock") == true)
    loop.shutdown()
  }

  @Test func takesARuntimeThatDoesNotTellWhatWasAskedFor() throws {
    let environment = try ContainerEnvironment(
      verboseInformation: #"{"runtimeSpec":{"process":{"env":["A=1","PYTHONPATH=/x"]}}}"#)
    #expect(environment.requestedNames == nil)
    #expect(environment.fromImage(manifestNames: ["A"]) == ["PYTHONPATH": "/x"])
    let without = try ContainerEnvironment(
      verboseInformation: #"{"config":{},"runtimeSpec":{"process":{"env":["A=1"]}}}"#)
    #expect(without.requestedNames == [])
  }
}
