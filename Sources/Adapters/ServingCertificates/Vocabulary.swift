/// The keys of the Secret that holds a webhook's certificates.
public enum ServingSecretKey {
  /// The authority, and behind it those that it followed and that are still trusted; PEM.
  public static let authority = "ca.crt"
  /// The authority's private key; PEM.
  public static let authorityKey = "ca.key"
  /// The certificate that the webhook shows; PEM.
  public static let certificate = "tls.crt"
  /// The private key of that certificate; PEM.
  public static let key = "tls.key"
}
