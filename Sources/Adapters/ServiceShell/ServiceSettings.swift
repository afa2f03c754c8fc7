import Logging

/// What the environment says to every component.
struct ServiceSettings: Equatable {
  var logLevel = Logger.Level.info
  var adminPort: UInt16 = 8081

  /// - Parameter variable: Reads an environment variable.
  init(_ variable: (String) -> String?) throws(ServiceError) {
    if let text = variable(EnvironmentName.logLevel) {
      guard let level = Logger.Level(rawValue: text.lowercased()) ?? Self.otherLevelNames[text.lowercased()] else {
        let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        throw ServiceError("\(EnvironmentName.logLevel) is \"\(text)\"; it must be one of \(names)")
      }
      logLevel = level
    }
    if let text = variable(EnvironmentName.adminPort) {
      guard let port = UInt16(text) else {
        throw ServiceError("\(EnvironmentName.adminPort) is \"\(text)\"; it must be a port from 0 to 65535")
      }
      adminPort = port
    }
  }

  private static let otherLevelNames = ["warn": Logger.Level.warning, "fatal": .critical]
}
