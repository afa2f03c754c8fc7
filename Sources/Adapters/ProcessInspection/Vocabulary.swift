// The words of ProcessInspection that others rely on.

/// Environment variables that an application may have set itself and that agents need: they must be kept, not replaced.
public enum CapturedVariable: String, Sendable, CaseIterable {
  case pythonPath = "PYTHONPATH"
  case nodeOptions = "NODE_OPTIONS"
  case javaToolOptions = "JAVA_TOOL_OPTIONS"
  case preload = "LD_PRELOAD"
  case startupHooks = "DOTNET_STARTUP_HOOKS"
  case additionalDependencies = "DOTNET_ADDITIONAL_DEPS"
  case sharedStore = "DOTNET_SHARED_STORE"
  case profiling = "CORECLR_ENABLE_PROFILING"
  case profiler = "CORECLR_PROFILER"
  case profilerPath = "CORECLR_PROFILER_PATH"
  case dotnetAgentHome = "OTEL_DOTNET_AUTO_HOME"
  case phpConfiguration = "PHP_INI_SCAN_DIR"
  case rubyOptions = "RUBYOPT"
}

/// The languages that runtime detection tells apart, by the values of the InstrumentationConfig's schema.
public enum RuntimeLanguage: String, Sendable, Hashable, CaseIterable {
  case java, python, javascript, go, dotnet, php, ruby, rust, cplusplus, mysql, nginx, redis, postgres
  /// None that we know.
  case unknown

  /// Whether applications are written for a runtime of this language. Servers and native programs are more often what
  /// an application brings along, and lose against one in the same container.
  var isApplication: Bool {
    switch self {
    case .java, .python, .javascript, .go, .dotnet, .php, .ruby: true
    case .rust, .cplusplus, .mysql, .nginx, .redis, .postgres, .unknown: false
    }
  }
}

/// The C library of a process, by the values of the InstrumentationConfig's schema.
public enum CLibrary: String, Sendable, Hashable {
  case glibc, musl
}

/// Where things are on a node unless the environment says otherwise.
public enum NodePath {
  /// The process file system; ODIGOS_PROC_DIR names another.
  public static let proc = "/proc"
  /// Where the node agent's container has the node's /run. At /run itself it would be in the way of the token of the
  /// service account, whose place, /var/run/secrets, is there in every image in which /var/run is a link to it.
  public static let hostRun = "/host/run"
  /// The container runtimes' sockets, in the order in which they are tried.
  public static let runtimeSockets = [
    "/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock",
    "/run/k3s/containerd/containerd.sock",
  ].flatMap { places(ofSocket: $0) }

  /// Where a socket is found that the node has at this path: in the node agent's container below `hostRun` if the node
  /// has it below /run, and at the path itself where that was mounted as it is or there is no container.
  public static func places(ofSocket path: String) -> [String] {
    for run in ["/run/", "/var/run/"] where path.hasPrefix(run) {
      return ["\(hostRun)/\(path.dropFirst(run.count))", path]
    }
    return [path]
  }
}
