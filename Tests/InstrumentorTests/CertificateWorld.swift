import JSON
import ServingCertificates

@testable import Instrumentor

/// A cluster as far as certificates are concerned: the Secret, the webhook configurations, replicas and a clock.
///
/// The API server learns of another bundle only after a while: every handshake is tried with each bundle of that time.
struct CertificateWorld {
  static let names = ["hook.system.svc"]
  /// How long an instance of the API server may go on with what it knew, in seconds.
  static let lag: Int64 = 2

  var now: UnixTime = 1_900_000_000
  var stored: StoredCertificates?
  var replicas: [String: CertificateMachine] = [:]
  /// The bundles of the webhook configurations, and since when.
  private(set) var bundles: [(since: UnixTime, bundle: [UInt8])]
  private(set) var writes = 0
  private(set) var trusts = 0
  /// Handshakes that an instance of the API server would have refused.
  private(set) var failures: [String] = []
  /// What replicas said of certificates that somebody else keeps.
  private(set) var warnings: [String] = []
  var isExternal = false
  var refusesWrites = false
  var cannotServe = false
  private var version = 0
  private var knowledge = CertificateKnowledge(names: names)

  init(_ replicas: [String] = ["a", "b"]) {
    bundles = [(now - 1000, [])]
    for replica in replicas { start(replica) }
  }

  mutating func start(_ replica: String) {
    replicas[replica] = CertificateMachine(settings: .init(names: Self.names, replica: replica))
  }

  var bundle: [UInt8] { bundles.last?.bundle ?? [] }

  /// Somebody writes the bundles.
  mutating func setBundle(_ bundle: [UInt8]) { bundles.append((now, bundle)) }

  /// Somebody writes the Secret.
  mutating func setStored(_ stored: StoredCertificates?) {
    version += 1
    self.stored = stored
    self.stored?.version = "\(version)"
  }

  var trust: [WebhookTrust] {
    [WebhookWord.configuration, WebhookWord.sourceValidation].map { name in
      var json: JSONValue = [
        "metadata": ["name": .string(name)],
        "webhooks": [["clientConfig": ["service": ["name": .string(WebhookWord.service)]]]],
      ]
      if isExternal { json.set(["metadata", "annotations", WebhookAnnotation.injectAuthorityFrom], "x") }
      var trust = WebhookTrust(json)
      trust.bundles = [bundle]
      return trust
    }
  }

  /// A replica looks at the cluster, or at how it was, and does what its machine says.
  mutating func look(_ replica: String, at view: StoredCertificates?? = nil) {
    var events: [CertificateMachine.Event] = [.trusted(trust), .stored(view ?? stored), .tick]
    while !events.isEmpty {
      let event = events.removeFirst()
      for action in replicas[replica]?.receive(event, at: now) ?? [] {
        if let answer = perform(action) { events.append(answer) }
      }
    }
  }

  private mutating func perform(_ action: CertificateMachine.Action) -> CertificateMachine.Event? {
    switch action {
    case .write(let wanted):
      guard !refusesWrites, wanted.version == stored?.version else { return .writeFailed }
      writes += 1
      setStored(wanted)
      return .written(version: stored?.version)
    case .trust(let bundle):
      trusts += 1
      // Before the first time nobody could be called.
      if bundles.last?.bundle == [] { bundles = [] }
      setBundle(bundle)
    case .serve(let secret): return cannotServe ? .servingFailed : .serving(secret)
    case .report: break
    case .fail(let reason): failures.append(reason)
    case .warn(let problem): warnings.append(problem)
    }
    return nil
  }

  /// Everybody looks every five seconds, and somebody calls each replica after each look.
  mutating func pass(_ seconds: Int64, step: Int64 = 5) {
    let end = now + seconds
    while now < end {
      now += min(step, end - now)
      for replica in replicas.keys.sorted() {
        look(replica)
        call()
      }
    }
  }

  /// Lets a long time pass: looks now and then, and closely when something has changed.
  mutating func passDays(_ days: Int64) {
    let end = now + days * 86400
    while now < end {
      let before = (writes, trusts, certificates)
      pass(min(6 * 3600, end - now), step: 6 * 3600)
      if before.0 != writes || before.1 != trusts || before.2 != certificates { pass(100) }
    }
  }

  /// Calls every replica that serves, as each instance of the API server would.
  mutating func call() {
    let recent = bundles.indices.filter { $0 == bundles.count - 1 || bundles[$0 + 1].since > now - Self.lag }
    for (replica, machine) in replicas {
      guard let served = machine.served else { continue }
      if !knowledge.inspect(served).canServe(at: now) { failures.append("\(replica): expired at \(now)") }
      if !recent.allSatisfy({ knowledge.isAccepted(served, by: bundles[$0].bundle) }) {
        failures.append("\(replica): untrusted at \(now)")
      }
    }
  }

  /// What the replicas serve with, by their names.
  var certificates: [[UInt8]] { replicas.sorted { $0.key < $1.key }.map { $0.value.served?.certificate ?? [] } }

  /// Whether everybody serves with what is stored and the API server trusts just what is stored.
  var isSettled: Bool {
    stored.map { stored in
      bundle == stored.secret.authorityBundle && certificates.allSatisfy { $0 == stored.secret.certificate }
        && stored.rotation == nil
    } ?? false
  }

  /// Whether a replica says that the API server accepts what it serves with.
  mutating func isTrusted(_ replica: String) -> Bool? {
    replicas[replica].flatMap { machine in
      var machine = machine
      return machine.isTrusted()
    }
  }

  /// How many authorities are stored as trusted.
  mutating func authorityCount() -> Int { stored.map { knowledge.inspect($0.secret).authorityCount } ?? 0 }
}
