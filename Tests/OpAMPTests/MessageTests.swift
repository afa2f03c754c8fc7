import OpAMP
import ProtobufWire
import Testing

/// The messages against bytes that the official library made of the official definitions (Tests/OdigletTests has it
/// speak with the server as well), and against themselves.
struct MessageTests {
  @Test func readsWhatTheOfficialLibraryWrites() throws {
    // AgentToServer(instance_uid=bytes(range(16)), sequence_num=7, capabilities=0x1803,
    //   agent_description=AgentDescription(identifying_attributes=[
    //     KeyValue(key="process.pid", value=AnyValue(int_value=42)), KeyValue(key="a", value=AnyValue(bool_value=False)),
    //     KeyValue(key="d", value=AnyValue(double_value=1.5)), KeyValue(key="s", value=AnyValue(string_value=""))]),
    //   health=ComponentHealth(healthy=True, status="Healthy", start_time_unix_nano=1,
    //     component_health_map={"flask": ComponentHealth(healthy=True)}),
    //   agent_disconnect=AgentDisconnect())
    let bytes = try #require(
      Self.bytes(
        """
        0a10000102030405060708090a0b0c0d0e0f10071a350a110a0b70726f636573732e706964120218
        2a0a070a0161120210000a0e0a0164120921000000000000f83f0a070a017312020a002083302a21
        080111010000000000000022074865616c746879320b0a05666c61736b120208014a00
        """))
    let message = try AgentToServer(protobuf: bytes)
    #expect(message.instanceUID == Array(0..<16))
    #expect(message.sequenceNumber == 7)
    #expect(message.capabilities == [.reportsStatus, .acceptsRemoteConfig, .reportsHealth, .reportsRemoteConfig])
    let attributes = message.description?.identifyingAttributes ?? []
    #expect(attributes.map(\.key) == ["process.pid", "a", "d", "s"])
    #expect(attributes.map(\.value.value) == [.integer(42), .bool(false), .double(1.5), .string("")])
    #expect(message.health?.own.isHealthy == true)
    #expect(message.health?.own.status == "Healthy")
    #expect(message.health?.own.startTime == 1)
    #expect(message.health?.components == ["flask": ComponentStatus(isHealthy: true)])
    #expect(message.isDisconnect)
    #expect(try AgentToServer(protobuf: message.protobuf()) == message)
  }

  @Test func answersSurviveTheWire() throws {
    var answer = ServerToAgent(to: Array(0..<16))
    var config = RemoteConfig()
    config.hash = [1, 2, 3]
    config.config.sections = [
      "": ConfigSection(body: Array("{}".utf8), contentType: "application/json"),
      "SDK": ConfigSection(body: [0xff, 0], contentType: ""),
    ]
    answer.remoteConfig = config
    answer.flags = .reportFullState
    answer.newInstanceUID = [9]
    var settings = ConnectionSettings()
    settings.heartbeat.endpoint = "http://node:4320/v1/opamp"
    settings.heartbeat.intervalSeconds = 3
    settings.hash = [7]
    answer.connectionSettings = settings
    #expect(try ServerToAgent(protobuf: answer.protobuf()) == answer)

    let failed = ServerToAgent(to: [1], error: .unavailable("later", retryAfter: .seconds(5)))
    let read = try ServerToAgent(protobuf: failed.protobuf())
    #expect(read == failed)
    #expect(read.error?.retryAfter == 5_000_000_000)
  }

  @Test func nestingWithoutEndIsNotFollowed() throws {
    var inner: [UInt8] = [8, 1]
    for _ in 0..<2000 {
      // component_health_map of an element without a name, again and again
      let entry = Self.delimited(2, inner)
      inner = Self.delimited(6, entry)
    }
    let message = try AgentToServer(protobuf: Self.delimited(5, inner))
    #expect(message.health?.components.count == 1)
    var value: [UInt8] = [0x10, 0x01]
    for _ in 0..<2000 { value = Self.delimited(5, Self.delimited(1, value)) }
    let description = try AgentDescription(protobuf: Self.delimited(1, Self.delimited(2, value)))
    #expect(description.identifyingAttributes.first?.value.value == AttributeValue.Value.none)
  }

  @Test(
    arguments: [
      [0x0a, 0x05, 0x01], [0x10, 0xff], [0x2a, 0x02, 0x22, 0x05], [0x1a, 0x04, 0x0a, 0x02, 0x0a, 0x01],
      [0x2a, 0x04, 0x22, 0x02, 0xff, 0xfe], [0x28, 0x01],
    ] as [[UInt8]])
  func refusesWhatIsNoMessage(bytes: [UInt8]) {
    #expect(throws: ProtobufError.self) { try AgentToServer(protobuf: bytes) }
  }

  private static func delimited(_ number: Int, _ body: [UInt8]) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(number, body)
    return writer.bytes
  }

  private static func bytes(_ hexadecimal: String) -> [UInt8]? {
    let digits = hexadecimal.filter { !$0.isWhitespace }.compactMap { $0.hexDigitValue.map(UInt8.init) }
    guard digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
