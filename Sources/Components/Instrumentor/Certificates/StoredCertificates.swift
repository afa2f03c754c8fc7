import JSON
import KubeObjects
import Policy
import ServingCertificates

/// What the Secret holds besides being a Secret: certificates, who serves with which, and whether somebody asked for
/// others.
struct StoredCertificates: Equatable, Sendable {
  /// What somebody asks for by annotation.
  enum Rotation: String, Sendable {
    case leaf, authority
  }

  var secret = ServingSecret()
  /// What each replica serves with.
  var records: [String: ServingRecord] = [:]
  var rotation: Rotation?
  /// The version of the object; nil where there is none.
  var version: String?
  /// Whether somebody else, such as cert-manager, writes it.
  var isExternal = false

  init() {}

  /// Reads the Secret.
  init(_ object: Secret) {
    secret = ServingSecret(data: object.decodedData)
    version = object.metadata.resourceVersion
    isExternal = object.json["type"]?.string == Self.externalType
    for (key, value) in object.metadata.annotations {
      if key == WebhookAnnotation.rotate {
        rotation = Rotation(rawValue: value)
      } else if key.hasPrefix(WebhookAnnotation.servingPrefix), let record = ServingRecord(text: value) {
        records[String(key.dropFirst(WebhookAnnotation.servingPrefix.count))] = record
      }
    }
  }

  /// The type of Secrets that cert-manager writes.
  static let externalType = "kubernetes.io/tls"

  /// The Secret with this in it; what else is in `object` stays.
  func written(into object: Secret) -> Secret {
    var object = object
    object.metadata.labels[OdigosLabel.systemObject] = "true"
    if object.json["type"] == nil { object.json["type"] = "Opaque" }
    var data = object.json["data"]?.object ?? [:]
    for (key, bytes) in secret.data.sorted(by: { $0.key < $1.key }) { data[key] = .string(Base64.encode(bytes)) }
    object.json["data"] = .object(data)
    var annotations = object.metadata.annotations.filter {
      $0.key != WebhookAnnotation.rotate && !$0.key.hasPrefix(WebhookAnnotation.servingPrefix)
    }
    for (replica, record) in records { annotations[WebhookAnnotation.servingPrefix + replica] = record.text }
    object.metadata.annotations = annotations
    return object
  }
}

/// Which certificate a replica serves with, and when it last said so.
struct ServingRecord: Equatable, Sendable {
  /// How many digits of the fingerprint tell certificates apart.
  private static let digits = 16

  /// The beginning of the certificate's fingerprint.
  var certificate: String
  var seconds: UnixTime

  init(fingerprint: String, at seconds: UnixTime) {
    certificate = String(fingerprint.prefix(Self.digits))
    self.seconds = seconds
  }

  /// Reads `FINGERPRINT SECONDS`; nil if the text has another form.
  init?(text: String) {
    let words = text.split(separator: " ")
    guard words.count == 2, let seconds = UnixTime(words[1]) else { return nil }
    self.init(fingerprint: String(words[0]), at: seconds)
  }

  var text: String { "\(certificate) \(seconds)" }

  /// The name of a replica as the name of an annotation can end: at most 63 characters.
  static func replica(_ identity: String) -> String {
    let text = String(identity.suffix(63).map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "-" })
    return text.first.map { $0 == "-" ? "r\(text.dropFirst())" : text } ?? "replica"
  }
}

extension Secret {
  /// The entries, decoded; those that are no base 64 count as empty.
  var decodedData: [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for (key, value) in json["data"]?.object ?? [:] { result[key] = value.string.flatMap(Base64.decode) ?? [] }
    return result
  }
}
