import Glibc

/// What the program is called for, by its first argument.
public enum OdigletCommand: Equatable, Sendable {
  /// The node agent itself, or what it says of itself (`--help`, `--version`).
  case agent
  /// A command that ends, with the arguments after its name.
  case initialization([String])
  case copy([String])
  case cleanup([String])
  /// Nothing that there is.
  case unknown(String)

  /// Reads the arguments of the program, without its name.
  public init(_ arguments: [String]) {
    let rest = Array(arguments.dropFirst())
    switch arguments.first {
    case nil, "--help", "-h", "--version": self = .agent
    case "init": self = .initialization(rest)
    case "copy": self = .copy(rest)
    case "cleanup": self = .cleanup(rest)
    case .some(let word): self = .unknown(word)
    }
  }

  /// Runs a command that ends and answers the exit status; nil for the agent, which is the caller's.
  public func run() -> Int32? {
    switch self {
    case .agent: return nil
    case .initialization(let arguments): return AgentInitialization.run(arguments)
    case .copy(let arguments): return AgentCopy.run(arguments)
    case .cleanup(let arguments): return AgentRemoval.run(arguments)
    case .unknown(let word):
      let text = Array("odiglet has no command \"\(word)\"; it has init, copy and cleanup, see odiglet --help\n".utf8)
      _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      return 2
    }
  }
}
