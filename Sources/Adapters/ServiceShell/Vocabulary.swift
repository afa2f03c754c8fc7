/// The environment variables that every component reads.
enum EnvironmentName {
  static let version = "ODIGOS_VERSION"
  static let logLevel = "ODIGOS_LOG_LEVEL"
  static let adminPort = "ODIGOS_ADMIN_PORT"
}

/// The paths of the admin port.
enum AdminPath {
  static let health = "/healthz"
  static let live = "/livez"
  static let ready = "/readyz"
  static let metrics = "/metrics"
}
