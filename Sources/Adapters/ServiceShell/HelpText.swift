/// What `--help` prints.
enum HelpText {
  static func make(name: String, summary: String, options: String) -> String {
    """
    \(summary)

    Usage: \(name) [options]

    Options:
    \(options.isEmpty ? "" : options + "\n")  --help       this text
      --version    the version

    Environment:
      \(EnvironmentName.logLevel)    trace, debug, info (default), notice, warning, error or critical
      \(EnvironmentName.adminPort)   where \(AdminPath.health), \(AdminPath.live), \(AdminPath.ready) and \
    \(AdminPath.metrics) are served (default 8081; 0 takes a free port)
      \(EnvironmentName.version)      the version that is reported
    """
  }
}
