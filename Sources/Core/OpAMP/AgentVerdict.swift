/// What is said of an agent: whether it does its work, and why not.
public struct AgentVerdict: Sendable, Equatable {
  /// Whether it does; nil while that is not known.
  public var isHealthy: Bool?
  /// The state in one word: the agent's own, or one of `AgentState`.
  public var reason: String
  /// More for people; "" where there is nothing to say.
  public var message: String

  /// A verdict.
  public init(isHealthy: Bool?, reason: String, message: String) {
    self.isHealthy = isHealthy
    self.reason = reason
    self.message = message
  }

  /// What is said of an agent that has not come back since the server started.
  public static let lost = AgentVerdict(
    isHealthy: false, reason: AgentState.noConnection,
    message: "The process runs, but its agent has not spoken since the node agent started.")
}

/// States of agents, in the words that agents and user interfaces of the reference use.
public enum AgentState {
  /// It does its work.
  public static let healthy = "Healthy"
  /// It has begun.
  public static let starting = "Starting"
  /// It does not do its work.
  public static let failure = "AgentFailure"
  /// It does not speak.
  public static let noConnection = "NoConnectionToOpAMPServer"
}

extension AgentSession {
  /// What is said of the agent.
  public var verdict: AgentVerdict {
    switch phase {
    case .silent:
      return AgentVerdict(
        isHealthy: false, reason: AgentState.noConnection,
        message: "The process runs, but its agent has not spoken for \(patience.components.seconds) seconds or more.")
    case .connected, .disconnected: break
    }
    guard let own = report.health?.own else {
      let isExpected = capabilities.contains(.reportsHealth)
      return AgentVerdict(
        isHealthy: isExpected ? nil : true, reason: isExpected ? AgentState.starting : AgentState.healthy,
        message: isExpected ? "" : "The agent is connected; it does not report more of its health.")
    }
    let state = own.isHealthy ? AgentState.healthy : AgentState.failure
    return AgentVerdict(
      isHealthy: own.isHealthy, reason: own.status.isEmpty ? state : own.status, message: own.lastError)
  }
}
