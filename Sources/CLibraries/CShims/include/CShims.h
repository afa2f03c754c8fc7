/// Inline C for what Swift cannot import: function-like macros, variadic functions, _GNU_SOURCE functions.
#ifndef CSHIMS_H
#define CSHIMS_H
#include "shim_curl.h"
#include "shim_openssl.h"
#include "shim_processes.h"
#include "shim_system.h"
#include "shim_x509.h"
#endif
