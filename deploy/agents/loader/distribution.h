// What the loader knows of distributions (deploy/distributions) and of languages.
#ifndef ODIGOS_LOADER_DISTRIBUTION_H
#define ODIGOS_LOADER_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

// The most variables by which one agent is loaded; the generator keeps to it.
#define DISTRIBUTION_VARIABLES 8

// A variable by which an agent is loaded. In the texts {{agents}}, {{LIBC_TYPE}} and {{RUNTIME_VERSION_MAJOR_MINOR}}
// stand for what is known of the process.
struct variable {
  const char *name;
  const char *value;
  // what an absent variable is set to; NULL: the value
  const char *alone;
  // between what was there and ours; 0 where the agent needs the variable for itself
  char separator;
};

struct distribution {
  const char *name;
  const char *language;
  // the first without a name ends them
  struct variable variables[DISTRIBUTION_VARIABLES + 1];
};

// How the processes of a language are recognised.
struct language {
  const char *name;
  // Names of executables; digits and dots may follow. NULL ends them.
  const char *executables[12];
  // What the names of the language's libraries begin with, where programs are linked with them to embed it; NULL: none.
  const char *library;
  // Where images say which version they have; NULL: nowhere.
  const char *version_variable;
  // What lies beside an executable that bears the program's own name; NULL: nothing.
  const char *companion;
};

// Every distribution whose agent is loaded by variables; the first without a name ends them. Generated.
extern const struct distribution distributions[];

// Every language; the first without a name ends them.
extern const struct language languages[];

// distribution_named returns NULL when there is none of that name.
const struct distribution *distribution_named(const char *name);

// language_of returns NULL when nothing is known of the distribution's language.
const struct language *language_of(const struct distribution *distribution);

// language_has_executable says whether the name of an executable, without its directory, is one of the language's.
bool language_has_executable(const struct language *language, const char *name);

// language_has_library says whether the name of a library, without its directory, is one of the language's.
bool language_has_library(const struct language *language, const char *name);

#endif
