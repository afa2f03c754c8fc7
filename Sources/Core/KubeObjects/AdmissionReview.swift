import JSON

/// A text that is no AdmissionReview which we can answer.
public struct AdmissionReviewError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was wrong and what is expected.
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// A request of the API server for a verdict about an object (admission.k8s.io/v1 AdmissionReview).
public struct AdmissionReview: Sendable {
  /// The only version that is spoken.
  public static let apiVersion = "admission.k8s.io/v1"
  static let kind = "AdmissionReview"

  /// What is being done with the object.
  public enum Operation: String, Sendable {
    case create = "CREATE", update = "UPDATE", delete = "DELETE", connect = "CONNECT"
  }

  /// The id that the answer must carry.
  public var uid: String
  /// What is being done with the object.
  public var operation: Operation
  /// Whether nothing will be stored: the verdict must have no side effects.
  public var isDryRun: Bool
  /// The object's namespace, "" for kinds without one. The object itself may not carry it yet.
  public var namespace: String
  /// The object's name, "" where the server has yet to generate it.
  public var name: String
  /// The object's kind, such as "Pod".
  public var objectKind: String
  /// The object's group, "" for the core group.
  public var objectGroup: String
  /// The object; nil for deletions.
  public var object: JSONView?

  /// Reads the request from the body of the server's call.
  public init(_ document: JSONDocument) throws(AdmissionReviewError) {
    let root = document.root
    guard root.kind == .object else {
      throw AdmissionReviewError("the body is no JSON object; an AdmissionReview of \(Self.apiVersion) is expected")
    }
    guard root["kind"]?.equals(Self.kind) == true else {
      throw AdmissionReviewError("kind is \(Self.shown(root["kind"])); \"\(Self.kind)\" is expected")
    }
    guard root["apiVersion"]?.equals(Self.apiVersion) == true else {
      throw AdmissionReviewError("apiVersion is \(Self.shown(root["apiVersion"])); \"\(Self.apiVersion)\" is expected")
    }
    guard let request = root["request"], request.kind == .object else {
      throw AdmissionReviewError("request is missing; an AdmissionReview to be answered carries one")
    }
    guard let uid = request["uid"]?.string, !uid.isEmpty else {
      throw AdmissionReviewError("request.uid is missing; the answer has to carry it")
    }
    guard let operation = request["operation"]?.string.flatMap(Operation.init(rawValue:)) else {
      throw AdmissionReviewError(
        "request.operation is \(Self.shown(request["operation"])); CREATE, UPDATE, DELETE or CONNECT is expected")
    }
    self.uid = uid
    self.operation = operation
    isDryRun = request["dryRun"]?.bool ?? false
    namespace = request["namespace"]?.string ?? ""
    name = request["name"]?.string ?? ""
    objectKind = request["kind"]?["kind"]?.string ?? ""
    objectGroup = request["kind"]?["group"]?.string ?? ""
    object = request["object"].flatMap { $0.kind == .object ? $0 : nil }
  }

  /// A value as an error shows it: short, whatever the peer sent.
  private static func shown(_ view: JSONView?) -> String {
    guard let view else { return "missing" }
    let text = view.rawBytes
    return text.count <= 80 ? String(decoding: text, as: UTF8.self) : "something long"
  }
}

/// The answer to an AdmissionReview that lets the object pass.
public struct AdmissionAnswer: Sendable, Equatable {
  /// The id of the request.
  public var uid: String
  /// A patch document (RFC 6902) to change the object with; nil leaves it as it is.
  public var patch: [UInt8]?
  /// Sentences that the client shows to its user, each at most 120 characters by the API's convention.
  public var warnings: [String]

  /// Lets the object pass.
  public init(uid: String, patch: [UInt8]? = nil, warnings: [String] = []) {
    self.uid = uid
    self.patch = patch
    self.warnings = warnings
  }

  /// The body of the answer.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(200 + (patch?.count ?? 0) * 4 / 3)
    bytes.append(contentsOf: #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"#.utf8)
    JSONValue.append(string: uid, to: &bytes)
    bytes.append(contentsOf: #","allowed":true"#.utf8)
    if !warnings.isEmpty {
      bytes.append(contentsOf: #","warnings":"#.utf8)
      JSONValue.array(warnings.map { .string($0) }).append(to: &bytes)
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
