/// The three states of a condition (metav1.ConditionStatus).
public enum ConditionStatus: String, Sendable {
  case yes = "True"
  case no = "False"
  case unknown = "Unknown"
}

extension Condition {
  /// A condition of an object; `now` is RFC 3339.
  public init(type: String, status: ConditionStatus, reason: String, message: String, now: String) {
    self.init()
    self.type = type
    self.status = status.rawValue
    self.reason = reason
    self.message = message
    lastTransitionTime = now
  }
}

extension [Condition] {
  /// The condition of that type.
  public func condition(_ type: String) -> Condition? { first { $0.type == type } }

  /// This list with the condition set: the time of the last transition is kept while the status stays the same
  /// (metav1 semantics).
  public func setting(_ condition: Condition) -> [Condition] {
    var result = self
    guard let index = firstIndex(where: { $0.type == condition.type }) else { return result + [condition] }
    var new = condition
    if result[index].status == condition.status { new.lastTransitionTime = result[index].lastTransitionTime }
    result[index] = new
    return result
  }
}
