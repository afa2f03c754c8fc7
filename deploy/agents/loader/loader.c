// The loader: a library for LD_PRELOAD that lets a runtime load the agent of its container's distribution.
//
//   start of a process   start() runs before main. In a container of ours, and in a process of the distribution's
//                        language, it sets the variables by which that runtime loads an agent: after everything that
//                        the pod, the image and a start-up script did to them.
//   start of another     exec and posix_spawn see to it that the loader is in the next process too, where a program
//                        replaced LD_PRELOAD or cleared its environment.
//
// One file serves glibc and musl: it needs no library, and of the C library only what both have without a version.
// Nothing here allocates, locks, or writes to a descriptor of the application: exec runs after fork and vfork.
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "distribution.h"
#include "environment.h"
#include "inheritance.h"
#include "kernel.h"
#include "process.h"
#include "symbols.h"
#include "text.h"

// Where the loader is below the directory of the agent files.
#define LOADER_IN_AGENTS "/loader/loader.so"
// The longest path that Linux takes.
#define PATH_SIZE 4096
// The log ends at this size, in bytes.
#define LOG_SIZE 65536

extern unsigned long getauxval(unsigned long) __attribute__((weak));
// in glibc only
extern const char *gnu_get_libc_version(void) __attribute__((weak));

struct process process;

struct program {
  char path[PATH_SIZE];
  char agents[PATH_SIZE];
  char version[16];
  const struct language *language;
};

// find_agents takes the directory of the agent files from the loader's own path; false when it lies elsewhere.
static bool find_agents(struct program *program) {
  if (!process.loader || *process.loader != '/') return false;
  const size_t length = text_length(process.loader), own = sizeof LOADER_IN_AGENTS - 1;
  if (length <= own || !text_equal(process.loader + length - own, LOADER_IN_AGENTS)) return false;
  struct writer writer = writer_for(program->agents, sizeof program->agents);
  write_bytes(&writer, process.loader, length - own);
  // they would end a path in a list
  for (const char *c = program->agents; c < writer.next; c++) {
    if (*c == ':' || *c == ' ') return false;
  }
  return write_end(&writer);
}

// find_executable writes which file runs in this process; false when it cannot be told.
static bool find_executable(struct program *program) {
  long length = kernel_read_link("/proc/self/exe", program->path, sizeof program->path - 1);
  if (length > 0) {
    program->path[length] = 0;
    return true;
  }
  // without /proc: what exec was asked for, which for a script is the script
  const char *asked = (const char *)getauxval(AT_EXECFN);
  if (!asked) return false;
  char start[256];
  int file = kernel_open(asked, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
  length = file < 0 ? 0 : kernel_read(file, start, sizeof start);
  if (file >= 0) kernel_close(file);
  if (length > 0 && shebang_interpreter(start, (size_t)length, program->path, sizeof program->path)) return true;
  struct writer writer = writer_for(program->path, sizeof program->path);
  write_text(&writer, asked);
  return write_end(&writer);
}

static bool can_read(const char *path) { return kernel_can_read(path); }

static bool has_companion(const struct program *program) {
  char path[PATH_SIZE];
  struct writer writer = writer_for(path, sizeof path);
  if (!program->language->companion) return false;
  write_text(&writer, program->path);
  write_text(&writer, program->language->companion);
  return write_end(&writer) && can_read(path);
}

static const char *find_version(struct program *program, char *const *environment) {
  const char *library = symbols_library(program->language);
  const char *image =
      program->language->version_variable ? variable_value(environment, program->language->version_variable) : NULL;
  const char *sources[] = {text_base_name(program->path), image, library ? text_base_name(library) : NULL};
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    if (sources[i] && version_in(sources[i], program->version, sizeof program->version)) return program->version;
  }
  return NULL;
}

// remember keeps our variables; room follows for the new environment. NULL when there is no memory.
static void *remember(char *const *environment, size_t size) {
  const size_t own = (remembered_size(environment) + sizeof(char *) - 1) / sizeof(char *) * sizeof(char *);
  char *room = kernel_map(own + size);
  if (!room) return NULL;
  process.remembered = remembered_variables(environment, room);
  return room + own;
}

// instrument changes the environment of this process where it is one of the distribution's language.
static enum outcome instrument(struct program *program, const char *distribution_name) {
  char *const *environment = environ;
  const struct distribution *distribution = distribution_named(distribution_name);
  program->language = distribution ? language_of(distribution) : NULL;
  bool is_known = program->language && find_executable(program);
  bool is_wanted = is_known && (language_has_executable(program->language, text_base_name(program->path)) ||
                                symbols_library(program->language) || has_companion(program));
  const size_t size = is_wanted ? instrumented_size(environment, distribution) : 0;
  void *room = remember(environment, size);
  if (!room) return OUTCOME_TOO_LARGE;
  if (!program->language) return OUTCOME_UNKNOWN_DISTRIBUTION;
  if (!is_wanted) return OUTCOME_OTHER_PROGRAM;
  const struct parameters parameters = {
      .agents = program->agents,
      .libc = gnu_get_libc_version ? "glibc" : "musl",
      .version = find_version(program, environment),
  };
  char **changed;
  enum outcome outcome =
      instrumented_environment(environment, distribution, &parameters, can_read, room, size, &changed);
  if (outcome == OUTCOME_SET) environ = changed;
  return outcome;
}

static const char *const outcome_texts[] = {
    [OUTCOME_SET] = "the agent's variables are set",
    [OUTCOME_ALREADY_SET] = "the agent's variables were there",
    [OUTCOME_OTHER_PROGRAM] = "no program of the language",
    [OUTCOME_UNKNOWN_DISTRIBUTION] = "no such distribution",
    [OUTCOME_UNKNOWN_PARAMETER] = "the version of the runtime is not known",
    [OUTCOME_NO_AGENT] = "the agent's files cannot be read",
    [OUTCOME_TAKEN] = "a variable that the agent needs has another value",
    [OUTCOME_TOO_LARGE] = "there is no memory for the variables",
};

// log_outcome appends a line to the file that ODIGOS_LOADER_LOG names; never a value of a variable.
static void log_outcome(const char *file, const struct program *program, const char *distribution,
                        enum outcome outcome) {
  char line[PATH_SIZE + 512];
  struct stat state;
  struct writer writer = writer_for(line, sizeof line);
  write_number(&writer, (unsigned long)process.number);
  write_text(&writer, " ");
  write_text(&writer, program->path);
  write_text(&writer, " ");
  write_text(&writer, distribution);
  write_text(&writer, ": ");
  write_text(&writer, outcome_texts[outcome]);
  write_text(&writer, "\n");
  if (writer.is_full || *file != '/') return;
  int log = kernel_open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
  if (log < 0) return;
  const size_t size = (size_t)(writer.next - line);
  // a device or a pipe could be the application's output
  if (!kernel_state(log, &state) && S_ISREG(state.st_mode) && (size_t)state.st_size + size <= LOG_SIZE) {
    kernel_write(log, line, size);
  }
  kernel_close(log);
}

static bool is_secure(void) { return !getauxval || getauxval(AT_SECURE); }

// take_over is apart from start(), so that processes that are none of ours do not pay for its memory.
static __attribute__((noinline)) void take_over(const char *distribution, const char *log) {
  struct program program;
  program.path[0] = 0;
  program.language = NULL;
  process.number = kernel_process();
  if (!find_agents(&program)) return;
  const enum outcome outcome = instrument(&program, distribution);
  if (log) log_outcome(log, &program, distribution, outcome);
}

static __attribute__((constructor)) void start(void) {
  const char *pod = NULL, *distribution = NULL, *log = NULL;
  process_find_next();
  if (!environ || is_secure()) return;
  for (char *const *entry = environ; *entry; entry++) {
    const char *rest = text_after(*entry, "ODIGOS_");
    if (!rest) continue;
    if (!pod) pod = text_after(rest, "POD_NAME=");
    if (!distribution) distribution = text_after(rest, "DISTRO_NAME=");
    if (!log) log = text_after(rest, "LOADER_LOG=");
  }
  if (pod && distribution) take_over(distribution, log);
}
