#ifndef SHIM_OPENSSL_H
#define SHIM_OPENSSL_H
#include <openssl/ssl.h>
#endif
