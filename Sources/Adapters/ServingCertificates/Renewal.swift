/// How long certificates last and when they are renewed.
public struct CertificateSchedule: Sendable, Equatable {
  /// The life of the authority in seconds.
  public var authorityLifetime: Int64 = 90 * 86400
  /// The life of the serving certificate in seconds.
  public var leafLifetime: Int64 = 7 * 86400
  /// How far validity begins in the past, for clocks that are behind ours, in seconds.
  public var backdating: Int64 = 300
  /// The longest time between two checks, in seconds.
  public var longestCheckInterval: Int64 = 3600
  /// The defaults: 90 days, 7 days.
  public init() {}
}

/// Why something is made anew.
public enum RenewalReason: String, Sendable, Equatable {
  /// There is none.
  case missing
  /// It cannot be read, or lacks what belongs to it.
  case corrupted
  /// The private key belongs to another certificate.
  case keyMismatch
  /// Two thirds of its life are over.
  case ageing
  /// It no longer counts.
  case expired
  /// Its life begins in the future: the clock went backwards.
  case notYetValid
  /// It is not for the names that we serve under.
  case wrongNames
  /// No authority that is trusted signed it.
  case untrusted
  /// Somebody asked for another one.
  case requested

  /// Whether what it is about had to be given up, not only replaced in time.
  public var isDamage: Bool {
    switch self {
    case .missing, .corrupted, .keyMismatch, .wrongNames, .untrusted: true
    case .ageing, .expired, .notYetValid, .requested: false
    }
  }
}

/// What is known of a certificate with its key.
public enum CertificateFacts: Sendable, Equatable {
  /// There is none.
  case missing
  /// It cannot be used, for that reason.
  case unusable(RenewalReason)
  /// It is what it should be, and counts during that time.
  case usable(CertificateValidity)
}

/// What must be renewed now, and why.
public struct RenewalVerdict: Sendable, Equatable {
  /// Why the authority must be renewed; nil where it need not.
  public var authority: RenewalReason?
  /// Why the serving certificate must be renewed; nil where it need not.
  public var leaf: RenewalReason?
  /// When to ask again, in seconds from now.
  public var checkAfter: Int64

  /// Whether all may stay as it is.
  public var isCurrent: Bool { authority == nil && leaf == nil }

  /// Whether something is lost or broken, so that a good copy is worth more than new certificates.
  public var isDamage: Bool { authority?.isDamage == true || leaf?.isDamage == true }

  /// Decides what must be renewed at a time.
  ///
  /// An authority that is only ageing leaves the serving certificate alone: the old one stays in the bundle and
  /// goes on vouching for it. One that is lost takes the serving certificate with it.
  public static func decide(
    authority: CertificateFacts, leaf: CertificateFacts, at now: UnixTime, schedule: CertificateSchedule
  ) -> RenewalVerdict {
    let authorityReason = reason(authority, now)
    var leafReason = reason(leaf, now)
    if leafReason == nil, let authorityReason, authorityReason != .ageing { leafReason = .untrusted }
    let next = [authority, leaf].compactMap { facts -> UnixTime? in
      if case .usable(let validity) = facts { validity.renewal } else { nil }
    }.min()
    let wait = (next ?? now) - now
    return RenewalVerdict(
      authority: authorityReason, leaf: leafReason, checkAfter: max(1, min(wait, schedule.longestCheckInterval)))
  }

  private static func reason(_ facts: CertificateFacts, _ now: UnixTime) -> RenewalReason? {
    switch facts {
    case .missing: .missing
    case .unusable(let reason): reason
    case .usable(let validity):
      if now < validity.notBefore {
        .notYetValid
      } else if now > validity.notAfter {
        .expired
      } else if now >= validity.renewal {
        .ageing
      } else {
        nil
      }
    }
  }
}

extension CertificateValidity {
  /// When two thirds of it are over.
  var renewal: UnixTime { notBefore + (notAfter - notBefore) / 3 * 2 }
}
