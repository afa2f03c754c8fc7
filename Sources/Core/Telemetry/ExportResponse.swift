import JSON

/// What a receiver of OTLP answers to a request that it took, in whole or in part.
public struct ExportResponse: Sendable, Equatable {
  /// The signal of the request.
  public var signal: Signal
  /// How many spans, data points or log records the receiver refused for good.
  public var rejectedItems: Int
  /// Why, or a warning where nothing was refused.
  public var message: String

  /// A response; all was taken by default.
  public init(_ signal: Signal, rejectedItems: Int = 0, message: String = "") {
    self.signal = signal
    self.rejectedItems = rejectedItems
    self.message = message
  }

  /// Whether the receiver has something to say.
  public var isPartial: Bool { rejectedItems != 0 || !message.isEmpty }

  /// Reads the protobuf response.
  public init(_ signal: Signal, decoding bytes: [UInt8]) throws(WireError) {
    self.init(signal)
    var reader = WireReader(bytes)
    while let field = try reader.next() {
      guard field.number == 1, case .delimited(let content) = field.value else { continue }
      var inner = WireReader(bytes, in: content)
      while let detail = try inner.next() {
        switch (detail.number, detail.value) {
        case (1, .varint(let count)): rejectedItems = Int(Int64(bitPattern: count))
        case (2, .delimited(let text)): message = String(decoding: bytes[text], as: UTF8.self)
        default: break
        }
      }
    }
  }

  /// The protobuf response; empty when all was taken.
  public func encoded() -> [UInt8] {
    guard isPartial else { return [] }
    var partial = WireWriter()
    if rejectedItems != 0 {
      partial.tag(1, .varint)
      partial.varint(UInt64(bitPattern: Int64(rejectedItems)))
    }
    if !message.isEmpty { partial.delimited(2, message.utf8) }
    var writer = WireWriter()
    writer.delimited(1, partial.bytes)
    return writer.bytes
  }

  /// The response as OTLP/JSON.
  public func json() -> JSONValue {
    guard isPartial else { return .object(JSONObject()) }
    var partial = JSONObject()
    if rejectedItems != 0 { partial[signal.rejectedName] = .string(String(rejectedItems)) }
    if !message.isEmpty { partial["errorMessage"] = .string(message) }
    return ["partialSuccess": .object(partial)]
  }
}

/// The body of an OTLP/HTTP error response: google.rpc.Status.
public struct ExportFailure: Sendable, Equatable {
  /// A gRPC status code.
  public var code: Int
  /// What was wrong.
  public var message: String

  /// Makes the body.
  public init(code: Int, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The protobuf message.
  public func encoded() -> [UInt8] {
    var writer = WireWriter()
    writer.tag(1, .varint)
    writer.varint(UInt64(bitPattern: Int64(code)))
    writer.delimited(2, message.utf8)
    return writer.bytes
  }

  /// The message as JSON.
  public func json() -> JSONValue { ["code": .int(code), "message": .string(message)] }

  /// The message of a body that a peer sent; nil where it is none.
  public static func message(decoding bytes: [UInt8]) -> String? {
    var reader = WireReader(bytes)
    var message: String?
    do {
      while let field = try reader.next() {
        if field.number == 2, case .delimited(let content) = field.value {
          message = String(decoding: bytes[content], as: UTF8.self)
        }
      }
    } catch {
      return nil
    }
    return message
  }
}
