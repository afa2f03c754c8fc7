import JSON
import YAML

/// What a component's roles allow, and where its source calls the API.
public struct ComponentAccess: Sendable {
  /// The folder of its source below Sources/Components.
  public var component: String
  /// The manifest with its roles, below deploy/components.
  public var manifest: String

  /// Of a component; nothing is read yet.
  public init(component: String, manifest: String) {
    self.component = component
    self.manifest = manifest
  }

  /// What the rules of the manifest's roles allow, one for each verb, resource and name.
  public var allowed: Set<Access> {
    get throws {
      // What the installer fills in has no part in rules.
      let text = try SourceFile.text(SourceFile.path("deploy/components/\(manifest)")).replacing(/\$\{\w+\}/, with: "0")
      var allowed: Set<Access> = []
      for object in try YAML.documents(Array(text.utf8)) {
        guard let kind = object["kind"]?.string, kind == "ClusterRole" || kind == "Role" else { continue }
        for rule in object["rules"]?.array ?? [] {
          allowed.formUnion(Self.accesses(rule, isOwnNamespace: kind == "Role"))
        }
      }
      return allowed
    }
  }

  private static func accesses(_ rule: JSONValue, isOwnNamespace: Bool) -> [Access] {
    func texts(_ key: String) -> [String] { rule[key]?.array?.compactMap(\.string) ?? [] }
    let names = texts("resourceNames").isEmpty ? [""] : texts("resourceNames")
    return texts("apiGroups").flatMap { group in
      texts("resources").flatMap { resource in
        texts("verbs").flatMap { verb in
          names.map { Access(verb, group, resource, isOwnNamespace: isOwnNamespace, name: $0) }
        }
      }
    }
  }

  /// How many lines of each file call each method of the client or make what calls it: "FILE METHOD". Informers are
  /// counted by what they read, where that is said: `Informer<Pod>`.
  public func callsInSource(withInformers: Bool) throws -> [String: Int] {
    let call =
      /client\s*\.\s*(get|list|page|create|update|patch|apply|applyStatus|delete|evict|watch|openWatch|raw|send|serverVersion)\(|(EventRecorder|LeaderElector|Informer<\w+>)\(/
    var found: [String: Int] = [:]
    for path in try SourceFile.swiftFiles(below: SourceFile.path("Sources/Components/\(component)")) {
      let name = path.split(separator: "/").last.map { $0.dropLast(".swift".count) } ?? ""
      for match in try SourceFile.text(path).matches(of: call) {
        let method = String(match.output.1 ?? match.output.2 ?? "")
        guard withInformers || !method.hasPrefix("Informer<") else { continue }
        found["\(name) \(method)", default: 0] += 1
      }
    }
    return found
  }

  /// The same of a table.
  public static func count(_ calls: [Call]) -> [String: Int] {
    Dictionary(grouping: calls) { "\($0.file) \($0.method)" }.mapValues(\.count)
  }
}
