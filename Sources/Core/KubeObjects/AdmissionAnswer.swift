import JSON

/// The answer to an AdmissionReview.
public struct AdmissionAnswer: Sendable, Equatable {
  /// Why an object is refused (metav1.Status).
  public struct Refusal: Sendable, Equatable {
    /// The status that the client gets, such as 422 for an object that breaks a rule.
    public var code: Int
    /// The word for it, such as "Invalid".
    public var reason: String
    /// What is wrong and how to mend it.
    public var message: String

    /// An object that breaks a rule.
    public static func invalid(_ message: String) -> Refusal {
      Refusal(code: 422, reason: "Invalid", message: message)
    }
  }

  /// The id of the request.
  public var uid: String
  /// Why the object is refused; nil lets it pass.
  public var refusal: Refusal?
  /// A patch document (RFC 6902) to change the object with; nil leaves it as it is.
  public var patch: [UInt8]?
  /// Sentences that the client shows to its user.
  public var warnings: [String]
  /// Why the answer is as it is, for the audit log of the API server; the server puts the webhook's name and a slash
  /// before the key `reason`.
  public var auditReason: String?

  /// Lets the object pass, unless there is a refusal.
  public init(
    uid: String, patch: [UInt8]? = nil, warnings: [String] = [], auditReason: String? = nil, refusal: Refusal? = nil
  ) {
    self.uid = uid
    self.patch = patch
    self.warnings = warnings
    self.auditReason = auditReason
    self.refusal = refusal
  }

  /// The body of the answer.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(240 + (patch?.count ?? 0) * 4 / 3)
    bytes.append(contentsOf: #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"#.utf8)
    JSONValue.append(string: uid, to: &bytes)
    bytes.append(contentsOf: (refusal == nil ? #","allowed":true"# : #","allowed":false"#).utf8)
    if let refusal {
      let status: JSONValue = [
        "status": "Failure", "code": .int(refusal.code), "reason": .string(refusal.reason),
        "message": .string(refusal.message),
      ]
      bytes.append(contentsOf: #","status":"#.utf8)
      status.append(to: &bytes)
    }
    if let auditReason {
      bytes.append(contentsOf: #","auditAnnotations":{"reason":"#.utf8)
      JSONValue.append(string: auditReason, to: &bytes)
      bytes.append(UInt8(ascii: "}"))
    }
    if !warnings.isEmpty {
      bytes.append(contentsOf: #","warnings":"#.utf8)
      JSONValue.array(warnings.flatMap(AdmissionWarning.lines).map { .string($0) }).append(to: &bytes)
    }
    if let patch {
      bytes.append(contentsOf: #","patchType":"JSONPatch","patch":""#.utf8)
      Base64.append(patch, to: &bytes)
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(contentsOf: "}}".utf8)
    return bytes
  }
}

/// The form that the API's conventions give to warnings.
enum AdmissionWarning {
  /// The most characters of one warning; clients cut what is longer.
  static let longest = 120
  /// The most warnings of one text: together they must stay under what the API server passes on (4096 bytes).
  static let mostLines = 8

  /// A text in lines that clients show whole: broken between words, without control characters, which would make the
  /// API server drop the header.
  static func lines(_ text: String) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in words(text) {
      if !line.isEmpty, line.unicodeScalars.count + 1 + word.unicodeScalars.count > longest {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? word : " \(word)"
    }
    if !line.isEmpty { lines.append(line) }
    return Array(lines.prefix(mostLines))
  }

  private static func words(_ text: String) -> [String] {
    text.unicodeScalars.split { $0.value <= 0x20 || $0.value == 0x7f }.flatMap { word in
      var pieces: [String] = []
      var rest = word
      while !rest.isEmpty {
        pieces.append(String(String.UnicodeScalarView(rest.prefix(longest))))
        rest = rest.dropFirst(longest)
      }
      return pieces
    }
  }
}
