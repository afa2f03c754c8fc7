/// What making and reading certificates needs of OpenSSL's macros.
#ifndef SHIM_X509_H
#define SHIM_X509_H
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/// A new ECDSA key on P-256.
static inline EVP_PKEY *shim_x509_new_key(void) { return EVP_EC_gen("P-256"); }

/// The bytes of a memory BIO; they stay its own.
static inline long shim_x509_memory(BIO *bio, const char **start) { return BIO_get_mem_data(bio, (char **)start); }

/// Adds an extension written as in OpenSSL's configuration files; 1 on success.
static inline int shim_x509_add_extension(X509 *certificate, X509 *issuer, int identifier, const char *text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, identifier, text);
  if (!extension) return 0;
  int added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return added;
}
#endif
