/// What is fuzzed: everything that reads bytes which somebody else chose.
///
/// A target takes any bytes, and traps where something that must always hold does not. libFuzzer drives it in
/// `make fuzz`; `make test` plays its corpus.
enum FuzzTarget: String, CaseIterable, Sendable {
  /// AdmissionReview, decision, patch.
  case admission
  /// HTTP/1.1 on a connection.
  case http1
  /// HTTP/2 on a connection.
  case http2
  /// What comes before and inside of TLS on a socket.
  case tls
  /// gRPC messages, their compression and the fields of calls.
  case grpc
  /// JSON texts, against a second judge of what is one.
  case json
  /// Messages of agents, and what the server makes of a sequence of them.
  case opamp
  /// ELF files of containers: headers, libraries, sections, the notes of Go and Rust.
  case elf
  /// `/proc/PID/auxv`.
  case auxv
  /// `/proc/PID/environ`.
  case environ
  /// `/proc/PID/maps`.
  case maps
  /// `/proc/PID/cgroup` and `mountinfo`.
  case cgroup
  /// `/proc/PID/stat`, `net/tcp` and `net/unix`.
  case sockets

  /// Runs the target once.
  func run(_ bytes: [UInt8]) {
    switch self {
    case .admission: AdmissionTarget.run(bytes)
    case .http1: HTTP1Target.run(bytes)
    case .http2: HTTP2Target.run(bytes)
    case .tls: TLSTarget.run(bytes)
    case .grpc: GRPCTarget.run(bytes)
    case .json: JSONTarget.run(bytes)
    case .opamp: OpAMPTarget.run(bytes)
    case .elf: ELFTarget.run(bytes)
    case .auxv: AuxiliaryVectorTarget.run(bytes)
    case .environ: EnvironmentTarget.run(bytes)
    case .maps: MappedFilesTarget.run(bytes)
    case .cgroup: CgroupTarget.run(bytes)
    case .sockets: SocketsTarget.run(bytes)
    }
  }
}

/// Traps, in optimised builds too, with what was expected.
@inline(__always)
func require(_ holds: Bool, _ expectation: @autoclosure () -> String) {
  if !holds { fatalError(expectation()) }
}

/// Reads decisions off the front of the fuzzer's bytes.
struct FuzzInput {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}
