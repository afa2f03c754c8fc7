/// From the tree to instructions.
struct NameExpressionCompiler {
  private(set) var steps: [NameExpression.Step] = []
  /// How many parts of the tree it has been at, a part that is repeated as often as it is.
  private(set) var visits = 0

  /// Beside the bound of the steps, since a part may take none: repetitions of nothing, one in another, would go on for
  /// hours without a step. The trees of the parser have no such parts and need at most two visits for a step, so that
  /// none of them comes to it.
  static let maximumVisits = 4 * NameExpression.maximumSteps

  private typealias Invalid = NameExpression.Invalid

  mutating func append(_ step: NameExpression.Step) throws(NameExpression.Invalid) {
    guard steps.count < NameExpression.maximumSteps else { throw Self.tooLarge }
    steps.append(step)
  }

  mutating func add(_ tree: NameExpressionTree) throws(NameExpression.Invalid) {
    visits += 1
    guard visits <= Self.maximumVisits else { throw Self.tooLarge }
    switch tree {
    case .empty: break
    case .character(let set): try append(.character(set))
    case .condition(let condition): try append(.condition(condition))
    case .sequence(let parts): for part in parts { try add(part) }
    case .choice(let choices): try add(choices)
    case .repetition(let tree, let least, let most): try add(tree, least, most)
    }
  }

  private static var tooLarge: NameExpression.Invalid {
    let steps = NameExpression.maximumSteps
    return Invalid(description: "it is too large: its repetitions make more than \(steps) steps of it")
  }

  private mutating func add(_ choices: [NameExpressionTree]) throws(NameExpression.Invalid) {
    var ends: [Int] = []
    for (index, choice) in choices.enumerated() {
      let fork = steps.count
      let isLast = index == choices.count - 1
      if !isLast { try append(.jump(0)) }
      try add(choice)
      if isLast { break }
      ends.append(steps.count)
      try append(.jump(0))
      steps[fork] = .fork(fork + 1, steps.count)
    }
    for end in ends { steps[end] = .jump(steps.count) }
  }

  private mutating func add(
    _ tree: NameExpressionTree, _ least: Int, _ most: Int?
  ) throws(NameExpression.Invalid) {
    for _ in 0..<least { try add(tree) }
    guard let most else {
      let fork = steps.count
      try append(.jump(0))
      try add(tree)
      try append(.jump(fork))
      steps[fork] = .fork(fork + 1, steps.count)
      return
    }
    var forks: [Int] = []
    for _ in least..<most {
      forks.append(steps.count)
      try append(.jump(0))
      try add(tree)
    }
    for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
  }
}
