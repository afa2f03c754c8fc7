import Glibc
import Testing

/// A Python that has grpcio: the machine's own, or one in a virtual environment under /tmp that is made once.
enum PythonGRPC {
  private static let environment = "/tmp/odigos-test-grpcio"
  private static let search = Task<String?, Never> { await find() }

  /// Its path; nil, with the reason printed, when there is none and none can be made.
  static func interpreter() async -> String? { await search.value }

  private static func find() async -> String? {
    for candidate in [PeerProcess.path(of: "python3"), "\(environment)/bin/python"].compactMap(\.self) {
      if await works(candidate, ["-c", "import grpc"]) { return candidate }
    }
    guard let python = PeerProcess.path(of: "python3") else {
      print("skipped: python3 is not installed")
      return nil
    }
    let isMade = await works(python, ["-m", "venv", environment])
    guard isMade, await works("\(environment)/bin/pip", ["install", "-q", "grpcio"]) else {
      print("skipped: grpcio is not installed and pip could not install it into \(environment)")
      return nil
    }
    return "\(environment)/bin/python"
  }

  private static func works(_ program: String, _ arguments: [String]) async -> Bool {
    (try? await PeerProcess.run(program, arguments).status) == 0
  }
}
