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
  /// The object as it is stored, for updates and deletions. Looked up when asked for: pods are only created.
  public var oldObject: JSONView? { request["oldObject"].flatMap { $0.kind == .object ? $0 : nil } }
  private let request: JSONView

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
    self.request = request
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
