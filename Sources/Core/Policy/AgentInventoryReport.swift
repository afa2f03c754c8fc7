import JSON

/// What an image or a node says of its agent files: `inventory.json` among them, and the annotation
/// `odigos.io/agents` of a node.
///
///     {"fingerprint": "52…", "loader": true, "opamp": true,
///      "distributions": {"python-community": {"version": "0.60b1"}, "php-community": {"variants": ["8.2"]}},
///      "missing": {"java-community": "repo1.maven.org could not be reached when the image was built"}}
public struct AgentInventoryReport: Sendable, Hashable {
  /// What is there.
  public var inventory: AgentInventory
  /// The upstream versions of the distributions that are there, where they are known.
  public var versions: [String: String]
  /// Tells one set of files from another; "" where it is not known.
  public var fingerprint: String

  /// Gathers what is said.
  public init(inventory: AgentInventory, versions: [String: String] = [:], fingerprint: String = "") {
    self.inventory = inventory
    self.versions = versions
    self.fingerprint = fingerprint
  }

  /// Reads the text of a report; nil when it is none. Distributions that this release does not know are left out.
  public init?(parsing text: some StringProtocol) {
    guard let json = try? JSONValue(parsing: Array(text.utf8)) else { return nil }
    self.init(json: json)
  }

  /// Reads a report; nil without `distributions`.
  public init?(json: JSONValue) {
    guard let distributions = json["distributions"]?.object else { return nil }
    var inventory = AgentInventory(
      distributions: [], hasLoader: json["loader"]?.bool == true, hasOpAMPServer: json["opamp"]?.bool == true)
    var versions: [String: String] = [:]
    for (name, facts) in distributions where Distributions.named(name) != nil {
      inventory.distributions.insert(name)
      versions[name] = facts["version"]?.string
      if let variants = facts["variants"]?.array { inventory.variants[name] = Set(variants.compactMap(\.string)) }
    }
    for (name, why) in json["missing"]?.object ?? [:] { inventory.missing[name] = why.string }
    self.init(inventory: inventory, versions: versions, fingerprint: json["fingerprint"]?.string ?? "")
  }

  /// The report, with its members in order, so that equal ones are equal texts.
  public var json: JSONValue {
    var distributions = JSONObject()
    for name in inventory.distributions.sorted() {
      var facts: JSONValue = [:]
      facts["version"] = versions[name].map { .string($0) }
      facts["variants"] = inventory.variants[name].map { .strings($0.sorted()) }
      distributions[name] = facts
    }
    var missing = JSONObject()
    for (name, why) in inventory.missing.sorted(by: { $0.key < $1.key }) { missing[name] = .string(why) }
    var value: JSONValue = [
      "fingerprint": .string(fingerprint), "loader": .bool(inventory.hasLoader),
      "distributions": .object(distributions),
    ]
    if inventory.hasOpAMPServer { value["opamp"] = true }
    if !missing.isEmpty { value["missing"] = .object(missing) }
    return value
  }

  /// The same without what has no files in a directory: what is said of the image may not have come to the node.
  ///
  /// - Parameter exists: whether there is something of that name among the agent files.
  public func limited(to exists: (String) -> Bool) -> AgentInventoryReport {
    var report = self
    for name in inventory.distributions {
      let lacking = Distributions.named(name)?.directories.first { !exists($0) }
      guard let lacking else { continue }
      report.inventory.distributions.remove(name)
      report.inventory.variants[name] = nil
      report.versions[name] = nil
      report.inventory.missing[name] = "there is no directory \(lacking) among the agent files"
    }
    if inventory.hasLoader, !exists(OdigosPath.loaderDirectory) { report.inventory.hasLoader = false }
    return report
  }
}
