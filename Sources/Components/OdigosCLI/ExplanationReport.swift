import JSON
import Policy

/// What `odigos explain` prints for people.
struct ExplanationReport {
  var explanation: Explanation

  var text: String {
    var lines: [String] = []
    for (index, step) in explanation.steps.enumerated() {
      let answer = step.answer == .fact ? "" : " \(step.answer.rawValue)"
      let code = step.code.map { " (\($0.rawValue))" } ?? ""
      lines.append("\(index + 1). \(step.question)\(answer)\(code)")
      lines.append("   \(step.sentence)")
    }
    lines += ["", "Verdict: \(explanation.verdict)"]
    if let entry = explanation.verdict.code.documentation { lines.append("What to do: \(entry.advice)") }
    if let patch = explanation.patch.flatMap({ try? JSONValue(parsing: $0) })?.array {
      lines.append("Patch of a new pod:")
      for operation in patch { lines.append("  \(String(decoding: operation.serialized(), as: UTF8.self))") }
    }
    return lines.joined(separator: "\n")
  }
}
