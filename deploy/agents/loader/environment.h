// What the loader changes in the environment of its own process: functions that allocate nothing and ask no kernel.
#ifndef ODIGOS_LOADER_ENVIRONMENT_H
#define ODIGOS_LOADER_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "distribution.h"

// The most bytes of one text of a distribution when everything in it is filled in.
#define RESOLVED_SIZE 8192

// variable_is returns the value of an entry that is of that name; NULL when it is of another.
const char *variable_is(const char *entry, const char *name);

size_t variable_count(char *const *environment);

// variable_value returns the value of the first variable of that name, as getenv does; NULL when there is none.
const char *variable_value(char *const *environment, const char *name);

// What is known of the process; NULL: unknown.
struct parameters {
  // the directory of the agent files, without a slash at its end
  const char *agents;
  // "glibc" or "musl"
  const char *libc;
  // "3.1"
  const char *version;
};

enum outcome {
  OUTCOME_SET,
  OUTCOME_ALREADY_SET,
  OUTCOME_OTHER_PROGRAM,
  OUTCOME_UNKNOWN_DISTRIBUTION,
  OUTCOME_UNKNOWN_PARAMETER,
  OUTCOME_NO_AGENT,
  OUTCOME_TAKEN,
  OUTCOME_TOO_LARGE,
};

// instrumented_size returns how many bytes instrumented_environment needs for its result.
size_t instrumented_size(char *const *environment, const struct distribution *distribution);

// instrumented_environment makes the environment with which the process loads the distribution's agent.
//
// can_read says whether a file or directory of the agent is there: a runtime that is told to load a file that is not
// there does not start. Only with OUTCOME_SET *result is written; it lies in room, and what was not changed in
// environment.
enum outcome instrumented_environment(char *const *environment, const struct distribution *distribution,
                                      const struct parameters *parameters, bool (*can_read)(const char *path),
                                      void *room, size_t size, char ***result);

// version_in finds a version in the name of an executable or library, or in the value of a variable, and writes its
// first two numbers: "ruby3.1", "php82", "libruby-3.1.so.3.1.2", "8.2.7". False when there are no two.
bool version_in(const char *text, char *version, size_t size);

// shebang_interpreter writes which program a script asks for in its first line; false when it is no script.
bool shebang_interpreter(const char *start, size_t length, char *interpreter, size_t size);

#endif
