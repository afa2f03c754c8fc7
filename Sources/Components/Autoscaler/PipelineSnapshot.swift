import CollectorConfig
import KubeObjects
import OdigosObjects
import Policy

/// Everything in the cluster that the collectors depend on, at one moment.
struct PipelineSnapshot: Sendable {
  var gatewayGroup: CollectorsGroup?
  var nodeGroup: CollectorsGroup?
  var destinations: [Destination] = []
  var processors: [Processor] = []
  /// By name.
  var secrets: [String: SecretFacts] = [:]
  /// The ConfigMap `effective-config` as it is.
  var effectiveConfiguration: ConfigMap?
  /// The last effective configuration that could be read; nil while there was none.
  var configuration: OdigosConfiguration? = OdigosConfiguration()
  /// What is wrong with the present one; nil when nothing is.
  var configurationProblem: String?
  var gatewayDeployment: Deployment?
  var nodeDaemonSet: DaemonSet?
}

extension SecretFacts {
  /// The facts of a Secret, whether it still has its values or went through `withoutValues`.
  init(_ secret: Secret) {
    var keys: Set<String> = []
    var unprintable: Set<String> = []
    for (key, value) in secret.json["data"]?.object ?? [:] {
      keys.insert(key)
      if value.string.map(Base64Text.hasControlCharacters) ?? false { unprintable.insert(key) }
    }
    self.init(
      keys: keys, unprintableKeys: unprintable,
      version: "\(secret.metadata.uid ?? "")/\(secret.metadata.resourceVersion ?? "")")
  }
}

extension Secret {
  /// The Secret with its values replaced by ones of the same kind: this component needs to know only whether they can be
  /// sent in a header, and must not hold what it does not need.
  func withoutValues() -> Secret {
    var result = self
    for (key, value) in json["data"]?.object ?? [:] {
      let kind = value.string.map(Base64Text.hasControlCharacters) ?? false
      result.json.set(["data", key], kind ? "Cg==" : "")
    }
    result.json.set(["metadata", "annotations"], nil)
    return result
  }
}

/// Looks into base64 (RFC 4648) without keeping what it says.
enum Base64Text {
  /// Whether a decoded byte is a control character (ASCII).
  static func hasControlCharacters(_ text: String) -> Bool {
    var bits: UInt32 = 0
    var count = 0
    for byte in text.utf8 {
      guard let value = value(of: byte) else { continue }
      bits = bits << 6 | value
      count += 6
      guard count >= 8 else { continue }
      count -= 8
      let decoded = UInt8(truncatingIfNeeded: bits >> UInt32(count))
      if decoded < 0x20 || decoded == 0x7f { return true }
    }
    return false
  }

  private static func value(of byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 71
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) + 4
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
