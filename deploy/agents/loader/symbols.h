// The libraries that are loaded with a process: where the loader itself is, and which functions its own stand before.
#ifndef ODIGOS_LOADER_SYMBOLS_H
#define ODIGOS_LOADER_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "distribution.h"

// A function is found by its name as dlsym(RTLD_NEXT) finds it. (Old C libraries have dlsym in a library of its own,
// which is not in every process.)
struct wanted {
  const char *name;
  void *address;
};

// symbols_find looks for functions behind the library that `own` lies in, fills in their addresses (NULL: there is
// none), and returns that library's path as the dynamic linker knows it; NULL when it cannot be told.
const char *symbols_find(const void *own, struct wanted *wanted, size_t count);

// symbols_library returns the path of the first library of a language that is loaded; NULL when there is none.
const char *symbols_library(const struct language *language);

#endif
