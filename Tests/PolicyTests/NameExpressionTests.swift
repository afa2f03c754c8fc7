import Testing

@testable import Policy

@Suite struct NameExpressionTests {
  static let matching: [(String, [String], [String])] = [
    ("web", ["web"], ["webhook", "my-web", "we", ""]),
    ("web.*", ["web", "webhook"], ["my-web"]),
    ("(a|b)c?", ["a", "b", "ac", "bc"], ["abc", "c", ""]),
    ("a|b|c", ["a", "b", "c"], ["ab", ""]),
    ("(?:web|api)-[0-9]+", ["web-1", "api-42"], ["web-", "db-1"]),
    ("(?P<name>web)-(?<n>x)", ["web-x"], ["web"]),
    ("^web$", ["web"], ["web-1"]),
    ("a{2,3}", ["aa", "aaa"], ["a", "aaaa"]),
    ("a{2}", ["aa"], ["a", "aaa"]),
    ("a{2,}", ["aa", "aaaaaa"], ["a"]),
    ("a{x}", ["a{x}"], ["a"]),
    ("[^a-c]+", ["xyz"], ["xay", ""]),
    ("[a\\-c]+", ["a-c"], ["b"]),
    ("[]a]+", ["]a"], ["b"]),
    ("[[:alpha:]-]+", ["a-b"], ["a1"]),
    ("\\w+\\.\\d", ["ab.1"], ["abx1"]),
    ("(?i)WEB", ["web", "Web"], ["wab"]),
    ("x(?i:A)b", ["xab", "xAb"], ["xaB"]),
    ("web\\b.*", ["web", "web-1"], ["webs"]),
    ("(a*)*b", ["b", "aab"], ["aa"]),
    ("", [""], ["a"]),
    ("a*?b+?", ["b", "aabb"], ["a"]),
  ]

  @Test(arguments: matching) func matchesWholeNames(_ text: String, _ yes: [String], _ no: [String]) throws {
    let expression = try NameExpression(text)
    for name in yes { #expect(expression.matches(name), "\(text) should match \(name)") }
    for name in no { #expect(!expression.matches(name), "\(text) should not match \(name)") }
  }

  @Test(arguments: [
    ("w(", "without its )"), ("w)", "without its ("), ("[a", "without its ]"), ("*", "nothing before"),
    ("a**", "repeats a repetition"), ("a\\", "ends with"), ("a{3,2}", "from 3 to 2"), ("a{1001}", "1000"),
    ("(?=a)", "not possible"), ("\\1", "not possible"), ("[b-a]", "wrong way"), ("é", "no name has"),
    (String(repeating: "a", count: 600), "512"), ("((a{100}){100}){10}", "2000"),
    (String(repeating: "(", count: 60) + "a" + String(repeating: ")", count: 60), "nested"), ("(?P<n", "not closed"),
  ]) func saysWhatIsWrong(_ text: String, _ mention: String) {
    let error = #expect(throws: NameExpression.Invalid.self) { try NameExpression(text) }
    #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
  }

  /// Expressions on which matchers that try again take longer than anybody waits. That this test ends is the proof.
  @Test(arguments: ["(a+)+b", "(a|aa)*b", "(a*)*b", "(.*)*x(.*)*y", "(a?){200}a{200}"])
  func noExpressionHangs(_ text: String) throws {
    let expression = try NameExpression(text)
    #expect(!expression.matches(String(repeating: "a", count: 253) + "!"))
    #expect(!expression.matches(String(repeating: "a", count: 252)) || text.hasPrefix("(a?)"))
  }

  private static func nested(_ text: String, _ count: String, _ depth: Int) -> String {
    (0..<depth).reduce(text) { inner, _ in "(\(inner))\(count)" }
  }

  private static let nothings = String(repeating: "()", count: 200)

  /// Expressions that say nothing, or little, and would be long to write out; whether they can be used.
  static let repetitions: [(text: String, isMade: Bool)] = [
    (nested("", "{1000}", 5), true), (nested("()", "{0,1000}", 4), true), (nested("(?:(?i))", "{1000}", 4), true),
    (nested("x{0}", "{1000}", 5), true), (nested("x{0,0}y{0}", "{1,1000}", 4), true),
    (nested("(?i)", "{1000,}", 4), true), (nested("", "*", 49), true), (nested("", "+", 49), true),
    ("(\(nothings)){1000}", true), ("(\(nothings)a){1000}", true), ("((\(nothings)a){1000}){2}", false),
    ("(\(nested("a", "{1}", 40))){1000}", true), ("(\(nested("a", "", 40))){1000}", true),
    (nested("|", "{1000}", 4), false), (nested("$", "{1000}", 4), false), (nested("a?", "{1000}", 4), false),
  ]

  /// Each of them is made or refused at once.
  @Test(arguments: repetitions) func noExpressionIsLongInTheMaking(_ text: String, _ isMade: Bool) throws {
    var parser = NameExpressionParser(text)
    var compiler = NameExpressionCompiler()
    if let tree = try? parser.parse() { try? compiler.add(tree) }
    #expect(compiler.visits <= 2 * NameExpression.maximumSteps + 200, "\(text)")
    if isMade {
      let expression = try NameExpression(text)
      #expect(expression.matches("") != text.contains("a"), "\(text)")
    } else {
      #expect(throws: NameExpression.Invalid.self) { try NameExpression(text) }
    }
  }

  /// Whatever a tree is, also one that the parser does not make.
  @Test func theMakingHasABoundOfItsOwn() {
    let tree = (0..<5).reduce(NameExpressionTree.sequence([.empty])) { inner, _ in .repetition(inner, 1000, 1000) }
    var compiler = NameExpressionCompiler()
    let error = #expect(throws: NameExpression.Invalid.self) { try compiler.add(tree) }
    #expect(error?.description.contains("too large") == true)
    #expect(compiler.steps.isEmpty && compiler.visits <= NameExpressionCompiler.maximumVisits + 1)
  }

  /// The standard library's engine, which tries again, agrees wherever both read an expression.
  @Test func agreesWithAnotherEngine() throws {
    var random = SystemRandomNumberGenerator()
    let parts = [
      "a", "b", "-", ".", "[ab]", "[^a]", "(a|b)", "(?:ab)?", "a*", "b+", "a?", "a{1,2}", "|", "\\d", "1",
      "()", "(){3}", "(?:)?", "(|a)", "(a|){2}", "a{0}", "(b{0}){2}", "a{1}", "(()b()){2}",
    ]
    for _ in 0..<400 {
      let text = (0..<Int.random(in: 1...5, using: &random)).map { _ in parts.randomElement(using: &random) ?? "a" }
        .joined()
      let (own, other) = (try NameExpression(text), try Regex(text))
      for _ in 0..<20 {
        let name = (0..<Int.random(in: 0...6, using: &random)).map { _ in ["a", "b", "-", "1"].randomElement() ?? "a" }
          .joined()
        #expect(own.matches(name) == (name.wholeMatch(of: other) != nil), "\(text) on \(name)")
      }
    }
  }
}

@Suite struct SourceIndexTests {
  @Test func aDecisionLooksOnlyAtSourcesThatCanConcernIt() {
    let workload = WorkloadReference(namespace: "ns-7", kind: .deployment, name: "web-3")
    func index(_ namespaces: Int) -> SourceIndex {
      var sources: [SourceFacts] = []
      for namespace in 0..<namespaces {
        for number in 0..<9 {
          sources.append(
            SourceFacts(
              name: "s\(number)", namespace: "ns-\(namespace)", target: .workload(.deployment),
              workloadName: "web-\(number)"))
        }
        sources.append(
          SourceFacts(
            name: "ns", namespace: "ns-\(namespace)", target: .namespace, workloadName: "ns-\(namespace)"))
      }
      return SourceIndex(sources)
    }
    #expect(index(1000).candidateCount(for: workload) == 2)
    #expect(index(8).candidateCount(for: workload) == 2)
    let verdict = Selection.decide(
      workload: workload, workloadLabels: [:], namespaceLabels: [:], sources: index(1000), ownNamespace: "own")
    #expect(verdict.reason.code == .workloadSource && verdict.sourceNames == ["s3", "ns"])
  }
}
