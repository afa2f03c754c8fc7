import Policy
import Testing

@Suite struct DistributionTests {
  @Test(arguments: Distributions.all) func areConsistent(_ distribution: Distribution) {
    #expect(Distributions.named(distribution.name) == distribution)
    #expect(distribution.runtimes.isEmpty == (distribution.language == .any))
    #expect(distribution.directories.isEmpty == distribution.isEBPF)
    if let fallback = distribution.fallback {
      #expect(Distributions.named(fallback)?.language == distribution.language)
    }
    for variable in distribution.appendedVariables {
      let ours = variable.appended(to: "", parameters: ["RUNTIME_VERSION_MAJOR_MINOR": "3.2", "LIBC_TYPE": "musl"])
      // By this what is ours is recognised, and left alone the second time.
      #expect(ours.contains("/var/odigos/") && !ours.contains("{{"))
      #expect(distribution.directories.contains { ours.contains("/var/odigos/\($0)") })
    }
    // What is loaded by nothing but its own variables cannot be loaded by the loader.
    if distribution.capabilities.contains(.loader) { #expect(!distribution.appendedVariables.isEmpty) }
    // One variable is either merged or must be ours.
    let fixed = Set(distribution.fixedVariables.map(\.name))
    #expect(fixed.isDisjoint(with: distribution.appendedVariables.map(\.name)))
  }

  @Test func allOfTheReferenceAreThere() {
    let names = Set(Distributions.all.map(\.name))
    #expect(
      names == [
        "dotnet-community", "golang-community", "java-community", "nodejs-community", "nodejs-community-14",
        "opentelemetry-ebpf-instrumentation", "php-community", "python-community", "python-community3.8",
        "ruby-community",
      ])
  }

  @Test func python() throws {
    let python = try #require(Distributions.preferred(for: .python))
    #expect(python.name == "python-community" && python.directories == ["python"])
    #expect(python.supports(version: "3.9.18") && python.supports(version: "") && !python.supports(version: "3.8.20"))
    #expect(
      python.appendedVariables.first?.appended(to: "/a")
        == "/a:/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation")
  }

  static let nodeVersions: [(String, String?)] = [
    ("12.22.0", nil), ("14.19.3", "nodejs-community-14"), ("16.20.2", "nodejs-community-14"),
    ("18.18.2", "nodejs-community-14"), ("18.19.0", "nodejs-community"), ("19.9.0", "nodejs-community-14"),
    ("20.5.1", "nodejs-community-14"), ("20.6.0", "nodejs-community"), ("24.1.0", "nodejs-community"),
    ("", "nodejs-community"),
  ]

  @Test(arguments: nodeVersions) func eachNodeVersionHasItsAgent(_ version: String, _ name: String?) throws {
    let preferred = try #require(Distributions.preferred(for: .javascript))
    let older = try #require(preferred.fallback.flatMap(Distributions.named))
    #expect([preferred, older].first { $0.supports(version: version) }?.name == name)
  }

  static let preferred: [(ProgrammingLanguage, String?)] = [
    (.java, "java-community"), (.python, "python-community"), (.javascript, "nodejs-community"),
    (.dotnet, "dotnet-community"), (.php, "php-community"), (.ruby, "ruby-community"), (.go, "golang-community"),
    (.rust, nil), (.nginx, nil), (.unknown, nil), (.any, nil),
  ]

  @Test(arguments: preferred) func preferredOnes(_ language: ProgrammingLanguage, _ name: String?) {
    #expect(Distributions.preferred(for: language)?.name == name)
  }
}
