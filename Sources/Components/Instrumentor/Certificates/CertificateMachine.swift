import ServingCertificates

/// Decides about the webhook's certificates: when they are renewed, whom the API server has to trust, and what this
/// replica serves with. A value without I/O; its driver does what it says and tells it what came of it.
///
/// Four rules keep every handshake good:
/// - the Secret is the truth; what is in it is repaired from the copy that a replica serves with, before anything new
///   is made;
/// - the API server is told to trust an authority before anything that it signed is served;
/// - an authority is trusted for as long as a replica serves with a certificate that it signed; replicas say in the
///   Secret what they serve with;
/// - all times are the wall clock's, looked at every few seconds, so that a machine that slept catches up.
struct CertificateMachine: Sendable {
  struct Settings: Sendable {
    /// The names that the API server may call us by.
    var names: [String]
    /// Who this replica is.
    var replica: String
    var schedule = CertificateSchedule()
    /// How long after it was seen that the API server trusts an authority all of its instances do, in seconds.
    var settling: Int64 = 3
    /// How often a replica repeats what it serves with, in seconds. One that misses two repetitions is gone.
    var recordInterval: Int64 = 3600
    /// How long all replicas must have served with a new authority's certificate until the former one is dropped.
    var overlap: Int64 = 60
    /// How long an answer to a write may take until it counts as lost, in seconds.
    var patience: Int64 = 10
  }

  enum Event: Sendable {
    /// What is stored, as seen in the cluster; nil where there is no Secret.
    case stored(StoredCertificates?)
    /// Whom the API server trusts, by webhook configuration.
    case trusted([WebhookTrust])
    /// Time has gone on.
    case tick
    /// The write was taken, and is stored under that version.
    case written(version: String?)
    /// The write was refused, because somebody was quicker or the API server cannot be reached.
    case writeFailed
    /// This is served with from now on.
    case serving(ServingSecret)
    /// It could not be served with.
    case servingFailed
  }

  enum Action: Equatable, Sendable {
    /// Store this if the version is still the stored one.
    case write(StoredCertificates)
    /// Make the API server trust these authorities in every configuration that is not external.
    case trust([UInt8])
    /// Serve with this.
    case serve(ServingSecret)
    /// New certificates were made, for these reasons. What is made is in the write that follows.
    case report(RenewalVerdict)
    /// New certificates could not be made.
    case fail(String)
    /// Whoever keeps the certificates in our place leaves us without one that lasts.
    case warn(String)
  }

  let settings: Settings
  /// What is stored; nil until it was seen once.
  private(set) var stored: StoredCertificates??
  /// Whom the API server trusts; nil until it was seen once.
  private(set) var trusted: [WebhookTrust]?
  /// What this replica serves with.
  private(set) var served: ServingSecret?
  /// The last stored certificates that were all right.
  private var good: ServingSecret?
  private var pendingWrite: (version: String?, since: UnixTime)?
  private var pendingServe = false
  private var lastTrust: (bundle: [UInt8], at: UnixTime)?
  /// Since when the API server trusts what is stored, while something else is served.
  private var settled: (certificate: [UInt8], since: UnixTime)?
  private var knowledge: CertificateKnowledge
  /// What was said last of certificates that somebody else keeps.
  private var warned: String?

  init(settings: Settings) {
    self.settings = settings
    knowledge = CertificateKnowledge(names: settings.names)
  }

  /// Whether the API server accepts what is served, in every configuration that there is; nil while there is none
  /// that sends pods.
  mutating func isTrusted() -> Bool? {
    guard let trusted, trusted.contains(where: { $0.configuration == WebhookWord.configuration }) else { return nil }
    guard let served else { return false }
    // Of what cert-manager fills in only that it did: its authorities may have others between them and the leaf.
    return trusted.allSatisfy { $0.isExternal ? !$0.bundles.contains([]) : isAccepted(served, by: $0) }
  }

  /// What is known of what is served.
  mutating func servedFacts() -> SecretInspection? { served.map { knowledge.inspect($0) } }

  private mutating func isAccepted(_ secret: ServingSecret, by trust: WebhookTrust) -> Bool {
    trust.bundles.allSatisfy { knowledge.isAccepted(secret, by: $0) }
  }

  /// Takes note of what happened and says what has to be done now.
  mutating func receive(_ event: Event, at now: UnixTime) -> [Action] {
    switch event {
    case .stored(let stored):
      // The clock's tick is what all looking again is for.
      if self.stored == .some(stored), pendingWrite == nil { return [] }
      self.stored = .some(stored)
      if let pendingWrite, stored == nil || stored?.version == pendingWrite.version { self.pendingWrite = nil }
    case .trusted(let trusted):
      if self.trusted == trusted { return [] }
      self.trusted = trusted
    case .tick:
      if let since = pendingWrite?.since, now - since > settings.patience || now < since { pendingWrite = nil }
    case .written(let version):
      let current = stored.flatMap { $0 }?.version
      pendingWrite = version == nil || version == current ? nil : (version, now)
    case .writeFailed:
      // Another look, or the next tick, is soon enough.
      pendingWrite = nil
      return []
    case .serving(let secret):
      served = secret
      pendingServe = false
    case .servingFailed:
      pendingServe = false
      return []
    }
    return decide(now)
  }

  private mutating func decide(_ now: UnixTime) -> [Action] {
    guard let stored, let trusted else { return [] }
    if stored?.isExternal == true || trusted.contains(where: \.isExternal) {
      return warnings(externalProblem(stored, now)) + serveExternal(stored, now)
    }
    warned = nil
    guard pendingWrite == nil else { return [] }
    var actions: [Action] = []
    do throws(CertificateError) {
      if let (change, verdict) = try change(of: stored, now) {
        pendingWrite = (nil, now)
        if !verdict.isCurrent { actions.append(.report(verdict)) }
        return actions + [.write(change)]
      }
    } catch {
      return [.fail(error.description)]
    }
    guard let secret = stored?.secret else { return [] }
    good = secret
    if served?.certificate == secret.certificate { served = secret }
    if trusted.contains(where: { $0.bundles.contains { $0 != secret.authorityBundle } }), mayTrust(secret, now) {
      lastTrust = (secret.authorityBundle, now)
      actions.append(.trust(secret.authorityBundle))
    }
    if mayServe(secret, trusted, now) {
      pendingServe = true
      actions.append(.serve(secret))
    }
    return actions
  }

  /// Somebody else issues and tells the API server; we only serve.
  private mutating func serveExternal(_ stored: StoredCertificates?, _ now: UnixTime) -> [Action] {
    guard let secret = stored?.secret, knowledge.inspect(secret).canServe(at: now), !pendingServe,
      secret.identity != served?.identity
    else { return [] }
    pendingServe = true
    return [.serve(secret)]
  }

  /// What is wrong with certificates that somebody else keeps; nil when nothing is.
  private mutating func externalProblem(_ stored: StoredCertificates?, _ now: UnixTime) -> String? {
    guard let secret = stored?.secret else {
      return "There is no Secret \(WebhookWord.secret); its issuer has to make it."
    }
    let facts = knowledge.inspect(secret)
    guard let validity = facts.certificateValidity else { return "The certificate in the Secret cannot be read." }
    if now > validity.notAfter { return "The certificate in the Secret has expired and was not renewed by its issuer." }
    if !facts.canServe(at: now) {
      return "The certificate in the Secret is not for \(settings.names.joined(separator: ", ")), or not for its key."
    }
    // Issuers renew when two thirds of its life are over.
    let isLate = now >= validity.notAfter - (validity.notAfter - validity.notBefore) / 6
    return isLate ? "The certificate in the Secret soon expires and was not renewed by its issuer." : nil
  }

  private mutating func warnings(_ problem: String?) -> [Action] {
    defer { warned = problem }
    guard let problem, problem != warned else { return [] }
    return [.warn(problem)]
  }

  /// Whoever takes our authorities out again and again is answered at the next tick, not at once.
  private func mayTrust(_ secret: ServingSecret, _ now: UnixTime) -> Bool {
    guard let lastTrust, lastTrust.bundle == secret.authorityBundle else { return true }
    return now - lastTrust.at >= 2 || now < lastTrust.at
  }

  private mutating func mayServe(_ secret: ServingSecret, _ trusted: [WebhookTrust], _ now: UnixTime) -> Bool {
    guard !pendingServe, served?.certificate != secret.certificate else {
      settled = nil
      return false
    }
    guard trusted.allSatisfy({ isAccepted(secret, by: $0) }) else {
      settled = nil
      return false
    }
    // Nothing is lost by what nobody would accept any more.
    guard let served, knowledge.inspect(served).canServe(at: now) else { return true }
    if let settled, settled.certificate == secret.certificate, settled.since <= now {
      return now - settled.since >= settings.settling
    }
    settled = (secret.certificate, now)
    return settings.settling <= 0
  }
}

extension CertificateMachine {
  /// What the Secret should hold instead of what it holds, and why new certificates were made; nil when nothing has
  /// to change.
  private mutating func change(
    of stored: StoredCertificates?, _ now: UnixTime
  ) throws(CertificateError) -> (StoredCertificates, RenewalVerdict)? {
    var next = stored ?? StoredCertificates()
    var verdict = verdict(next.secret, now)
    let copies = [served, good].compactMap(\.self)
    if verdict.isDamage, let copy = copies.first(where: { !self.verdict($0, now).isDamage }) {
      next.secret = copy
      verdict = self.verdict(copy, now)
    }
    if let rotation = next.rotation {
      verdict.leaf = verdict.leaf ?? .requested
      if rotation == .authority { verdict.authority = verdict.authority ?? .requested }
      next.rotation = nil
    }
    if !verdict.isCurrent {
      try next.secret.renew(verdict, names: settings.names, at: now, schedule: settings.schedule)
    }
    if let served, !knowledge.isAccepted(served, by: next.secret.authorityBundle) {
      next.secret.trust(served.authorityBundle, at: now)
    }
    record(&next, now)
    if mayDistrust(next, now) { next.secret.distrustFormerAuthorities() }
    return next == stored ? nil : (next, verdict)
  }

  private mutating func verdict(_ secret: ServingSecret, _ now: UnixTime) -> RenewalVerdict {
    knowledge.inspect(secret).verdict(at: now, schedule: settings.schedule)
  }

  /// Says what this replica serves with, and forgets replicas that are gone.
  private mutating func record(_ next: inout StoredCertificates, _ now: UnixTime) {
    let interval = settings.recordInterval
    func isRecent(_ record: ServingRecord, _ limit: Int64) -> Bool { abs(now - record.seconds) <= limit }
    next.records = next.records.filter { isRecent($0.value, 2 * interval) }
    guard let fingerprint = servedFacts()?.fingerprint else { return }
    let wanted = ServingRecord(fingerprint: fingerprint, at: now)
    if let present = next.records[settings.replica], present.certificate == wanted.certificate,
      isRecent(present, interval)
    {
      return
    }
    next.records[settings.replica] = wanted
  }

  /// Whether every replica has served long enough with what the newest authority signed.
  private mutating func mayDistrust(_ next: StoredCertificates, _ now: UnixTime) -> Bool {
    let facts = knowledge.inspect(next.secret)
    guard facts.authorityCount > 1, facts.isSignedByNewestAuthority, !next.records.isEmpty,
      let fingerprint = facts.fingerprint
    else { return false }
    let wanted = ServingRecord(fingerprint: fingerprint, at: now).certificate
    return next.records.values.allSatisfy { $0.certificate == wanted && now - $0.seconds >= settings.overlap }
  }
}
