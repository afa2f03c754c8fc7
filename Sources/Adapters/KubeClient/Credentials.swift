import Concurrency
import Glibc
import HTTPClient
import JSON

/// Keeps the `Authorization` field and the client's TLS identity up to date.
final class Credentials: Sendable {
  private let access: ClusterAccess
  private let http: HTTPClient
  private let files: Locked<Files>
  private let exec: ExecCredentialCache?

  private struct Files: Sendable {
    var token: String?
    var signature: SmallFile.Signature?
    var authorities: [UInt8]?
    var readAt: ContinuousClock.Instant?
  }

  /// A file is read again after so long even when it looks the same.
  private static let rereadInterval: Duration = .seconds(60)

  init(access: ClusterAccess, http: HTTPClient) {
    self.access = access
    self.http = http
    files = Locked(Files(authorities: access.tls.certificateAuthorityPEM))
    if case .exec(let plugin) = access.credential { exec = ExecCredentialCache(plugin) } else { exec = nil }
  }

  /// The value of the `Authorization` field. `anew` after the server refused the last one.
  func authorization(anew: Bool = false) async throws(KubeError) -> String? {
    switch access.credential {
    case .none: return nil
    case .token(let token): return "Bearer \(token)"
    case .basic(let user, let password): return "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
    case .tokenFile(let path): return "Bearer \(try token(path, anew: anew))"
    case .exec:
      guard let exec else { return nil }
      let (credential, isNew) = try await exec.credential(anew: anew)
      if isNew, credential.clientCertificatePEM != nil {
        var tls = access.tls
        tls.clientCertificatePEM = credential.clientCertificatePEM
        tls.clientKeyPEM = credential.clientKeyPEM
        http.replaceTLS(tls)
      }
      return credential.token.map { "Bearer \($0)" }
    }
  }

  /// Whether asking anew can give another credential.
  var canChange: Bool {
    switch access.credential {
    case .tokenFile, .exec: true
    case .none, .token, .basic: false
    }
  }

  private func token(_ path: String, anew: Bool) throws(KubeError) -> String {
    let signature = SmallFile.signature(path)
    let now = ContinuousClock.now
    let known = files.withLock { files -> String? in
      guard !anew, let token = files.token, let readAt = files.readAt, files.signature == signature,
        now - readAt < Self.rereadInterval
      else { return nil }
      return token
    }
    if let known { return known }
    let text: [UInt8]
    do { text = try SmallFile.read(path) } catch {
      // The file is missing for a moment while it is replaced by other means than a kubelet's.
      if let token = files.withLock({ $0.token }) { return token }
      throw error
    }
    let token = String(decoding: text.filter { $0 > 0x20 }, as: UTF8.self)
    guard !token.isEmpty else { throw .configuration("the token file \(path) is empty") }
    files.withLock { files in
      files.token = token
      files.signature = signature
      files.readAt = now
    }
    reloadAuthorities()
    return token
  }

  /// The authorities of a pod change when a cluster rotates them.
  private func reloadAuthorities() {
    guard let path = access.certificateAuthorityFile, let content = try? SmallFile.read(path), !content.isEmpty
    else { return }
    let isNew = files.withLock { files in
      defer { files.authorities = content }
      return files.authorities != content
    }
    if isNew {
      var tls = access.tls
      tls.certificateAuthorityPEM = content
      http.replaceTLS(tls)
    }
  }
}

/// Runs an exec plugin once for all that wait, and again when what it gave expires.
actor ExecCredentialCache {
  private let plugin: ExecPlugin
  private var credential: ExecCredential?
  private var running: Task<Result<ExecCredential, KubeError>, Never>?

  /// A credential is renewed that long before it expires, in microseconds.
  private static let margin = 10_000_000
  /// People may have to log in.
  private static let timeout: Duration = .seconds(300)

  init(_ plugin: ExecPlugin) { self.plugin = plugin }

  func credential(anew: Bool) async throws(KubeError) -> (ExecCredential, isNew: Bool) {
    if !anew, running == nil, let credential, !Self.isExpired(credential) { return (credential, false) }
    let plugin = plugin
    let task = running ?? Task { await Self.run(plugin) }
    running = task
    let result = await task.value
    if running == task { running = nil }
    credential = try? result.get()
    return (try result.get(), true)
  }

  private static func isExpired(_ credential: ExecCredential) -> Bool {
    guard let expires = credential.expires else { return false }
    return expires.microseconds - margin <= KubeTime.now.microseconds
  }

  private static func run(_ plugin: ExecPlugin) async -> Result<ExecCredential, KubeError> {
    let isInteractive = plugin.mayInteract && isatty(0) == 1
    var environment = ChildProcess.ownEnvironment()
    environment.merge(plugin.environment) { $1 }
    environment[Vocabulary.execInfo] = plugin.info(isInteractive: isInteractive)
    let outcome = await ChildProcess.run(
      plugin.command, plugin.arguments, environment: environment, sharesInput: isInteractive, timeout: timeout)
    return Result { () throws(KubeError) in
      switch outcome {
      case .failure(let failure):
        let hint = failure.isMissing && !plugin.installHint.isEmpty ? "\n\(plugin.installHint)" : ""
        throw .configuration("the credential plugin: \(failure.message)\(hint)")
      case .success(let outcome):
        guard outcome.status == 0 else {
          throw .configuration("the credential plugin \(plugin.command) failed with status \(outcome.status)")
        }
        return try plugin.credential(outcome.output)
      }
    }
  }
}

extension KubeTime {
  /// The wall clock's time.
  public static var now: KubeTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return KubeTime(microseconds: Int(time.tv_sec) * 1_000_000 + Int(time.tv_nsec) / 1000)
  }
}
