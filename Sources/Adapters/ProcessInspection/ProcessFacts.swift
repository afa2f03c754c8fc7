/// What is known of one process.
struct ProcessFacts: Sendable {
  var pid: Int32
  var parent: Int32
  /// When it started, in clock ticks since the start of the machine.
  var start: UInt64 = 0
  /// The path of the executable in its container, with symbolic links resolved.
  var executable: String? { didSet { nameOfExecutable = Self.name(executable) } }
  private var nameOfExecutable: String?
  var arguments: [String] = []
  /// What comes after the first arguments, where there are very many, with a zero byte between one and the next.
  var laterArguments: String?
  /// Those of its variables that matter.
  var environment = ProcessEnvironment()
  /// The files that are mapped.
  var mappings = MappedFiles.none
  /// Their paths, each once, in the order of the mappings.
  var mappedFiles: [String] { mappings.paths }
  /// What the executable's file says; nil where it is no ELF file that can be read.
  var program: ExecutableFacts?
  /// Whether it was seen in the middle of an exec, so that its environment is not there yet.
  var isBeingExecuted = false
  /// Whether it runs in secure-execution mode; nil where that could not be read.
  var isSecure: Bool?
  /// The files that the process sees, while it is being read.
  var root: ContainerRoot?
  /// The language; nil where it is none that we know.
  private(set) var runtime: DetectedRuntime?

  init(pid: Int32, parent: Int32) {
    self.pid = pid
    self.parent = parent
  }

  /// Finds the language, for which it may look at files of the container.
  mutating func detect() { runtime = detectedRuntime }

  /// The last component of the executable's path; where that cannot be read, of the first argument.
  var executableName: String { nameOfExecutable ?? Self.name(arguments.first) ?? "" }

  /// Executables that are several programs in one, of which the first argument names one.
  private static let severalInOne: Set<String> = ["redis-check-rdb", "redis-check-aof"]

  /// The name of the program: the executable's, or where that is several in one, the one that it was started by. Redis
  /// appends its address.
  var programName: String {
    guard Self.severalInOne.contains(executableName) else { return executableName }
    return Self.name(arguments.first?.split(separator: " ").first.map(String.init)) ?? executableName
  }

  private static func name(_ path: String?) -> String? {
    path.map { path in path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? "" }
  }

  /// The directory `levels` above the executable's.
  func directory(above levels: Int) -> String? {
    guard let executable else { return nil }
    let parts = executable.split(separator: "/")
    guard parts.count > levels + 1 else { return nil }
    return "/" + parts.dropLast(levels + 1).joined(separator: "/")
  }

  /// The C library: by the loader that is mapped, which is right also where a shim answers to the other library's
  /// name, and else by the one that the executable asks for.
  var cLibrary: CLibrary? {
    if mappings.cLibrary == .musl { return .musl }
    if let image = program?.image { return image.cLibrary }
    return mappings.cLibrary
  }
}
