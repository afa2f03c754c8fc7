import Policy
import Testing

@Suite struct DistributionTests {
  @Test(arguments: Distributions.all) func areConsistent(_ distribution: Distribution) {
    #expect(Distributions.named(distribution.name) == distribution)
    #expect(!distribution.runtimes.isEmpty)
    if let fallback = distribution.fallback { #expect(Distributions.named(fallback) != nil) }
    for variable in distribution.appendedVariables {
      let ours = variable.appended(to: "")
      // By this what is ours is recognised, and left alone the second time.
      #expect(ours.contains("/var/odigos/") && !ours.contains("{{"))
      #expect(variable.appended(to: "/a") == "/a" + variable.separator + ours)
    }
  }

  @Test func python() throws {
    let python = try #require(Distributions.preferred(for: .python))
    #expect(python.name == "python-community" && python.unavailable == nil && python.directories == ["python"])
    #expect(python.supports(version: "3.9.18") && python.supports(version: "") && !python.supports(version: "3.8.20"))
    #expect(
      python.appendedVariables.first?.appended(to: "/a")
        == "/a:/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation")
  }

  @Test(arguments: [ProgrammingLanguage.java, .javascript, .go]) func recognisedOnes(_ language: ProgrammingLanguage) {
    #expect(Distributions.preferred(for: language)?.unavailable?.hasSuffix(".") ?? false)
  }

  @Test(arguments: [ProgrammingLanguage.rust, .nginx, .unknown, .any]) func others(_ language: ProgrammingLanguage) {
    #expect(Distributions.preferred(for: language) == nil)
  }
}
