// The words of ServingCertificates that others rely on.
