import Glibc
import HTTPClient
import JSON
import KubeObjects

/// A client of one API server. Requests below are by `ResourceType`; the typed ones by `KubeResource` wrap them.
public final class KubeClient: Sendable {
  /// Where the server is and how that was found.
  public let access: ClusterAccess
  private let http: HTTPClient
  private let credentials: Credentials
  private let patience: Duration

  /// Servers send a bookmark about each minute: a watch that is silent for longer has lost its server.
  private static let watchSilence: Duration = .seconds(150)
  /// How often a request that the server puts off (429, or 503 with Retry-After) is sent again.
  private static let maximumRetries = 4
  private static let maximumRetrySeconds = 10
  private static let maximumErrorSize = 64 << 10
  /// The first word becomes the field manager of what is created or patched without one.
  private static let userAgent: String = {
    let program = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
    return "\(program.isEmpty ? "odigos" : program)/swift"
  }()

  /// A client with this access; no request but a watch takes longer than `patience`, whatever it says itself.
  public init(_ access: ClusterAccess, patience: Duration = .seconds(60)) {
    self.access = access
    self.patience = patience
    http = HTTPClient(tls: access.tls)
    credentials = Credentials(access: access, http: http)
  }

  /// Credentials: `KUBECONFIG`/`~/.kube/config` when present or asked for, else the pod's service account.
  public static func connect(kubeconfig: String? = nil, context: String? = nil) throws(KubeError) -> KubeClient {
    KubeClient(try AccessDiscovery().access(kubeconfig: kubeconfig, context: context))
  }

  /// Ends the client's thread.
  public func shutdown() { http.shutdown() }

  /// Sends a request and waits for its answer, which is a success; every other one is thrown.
  public func send(_ request: KubeRequest) async throws(KubeError) -> HTTPClientResponse {
    var isAnew = false
    var retries = 0
    while true {
      let response = try await transfer(try await prepared(request, anew: isAnew), request)
      if (200..<300).contains(response.status) { return response }
      if response.status == 401, !isAnew, credentials.canChange {
        isAnew = true
        continue
      }
      let error = KubeError(response: response, request: request.summary)
      guard response.status == 429 || response.status == 503, let seconds = error.retryAfterSeconds,
        request.waitsWhenPutOff, retries < Self.maximumRetries
      else { throw error }
      retries += 1
      let pause = Duration.seconds(min(max(seconds, 1), Self.maximumRetrySeconds))
      do { try await Task.sleep(for: pause) } catch {
        throw KubeError(status: 0, reason: KubeError.LocalReason.cancelled, message: request.summary)
      }
    }
  }

  /// Sends a request and parses its answer.
  func document(_ request: KubeRequest) async throws(KubeError) -> JSONDocument {
    let response = try await send(request)
    do { return try JSONDocument(parsing: response.body) } catch {
      throw .answer("the answer to \(request.summary) is not JSON: \(error)")
    }
  }

  /// Opens a watch and returns its body.
  func stream(_ request: KubeRequest) async throws(KubeError) -> HTTPClientStream {
    var isAnew = false
    while true {
      let prepared = try await prepared(request, anew: isAnew)
      let stream: HTTPClientStream
      do { stream = try await http.stream(prepared, idleTimeout: Self.watchSilence) } catch {
        throw failure(error, request)
      }
      if stream.status == 200 { return stream }
      if stream.status == 401, !isAnew, credentials.canChange {
        isAnew = true
        continue
      }
      var body: [UInt8] = []
      while body.count < Self.maximumErrorSize, let chunk = try? await stream.next() { body += chunk }
      throw KubeError(
        response: HTTPClientResponse(status: stream.status, headers: stream.headers, body: body),
        request: request.summary)
    }
  }

  func failure(_ error: HTTPClientError, _ request: KubeRequest) -> KubeError {
    KubeError(
      transfer: error, server: "the API server \(access.server) (\(access.origin))", request: request.summary)
  }

  private func prepared(_ request: KubeRequest, anew: Bool) async throws(KubeError) -> HTTPClientRequest {
    var headers = access.headers
    headers.append(("User-Agent", Self.userAgent))
    headers.append(("Accept", request.accept))
    if request.body != nil { headers.append(("Content-Type", request.contentType)) }
    if let value = try await credentials.authorization(anew: anew) { headers.append(("Authorization", value)) }
    return HTTPClientRequest(
      method: request.method, url: access.server + request.target, headers: headers, body: request.body,
      timeout: request.timeout.map { min($0, patience) })
  }

  /// A read whose connection broke is sent once more: the server may just have closed it.
  private func transfer(_ prepared: HTTPClientRequest, _ request: KubeRequest) async throws(KubeError)
    -> HTTPClientResponse
  {
    var mayRetry = prepared.method == "GET"
    while true {
      do { return try await http.send(prepared) } catch {
        guard mayRetry, !error.isCancellation, !error.isTimeout, !error.isConnectionFailure, error.isBroken else {
          throw failure(error, request)
        }
        mayRetry = false
      }
    }
  }
}
