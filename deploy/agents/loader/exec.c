// The functions that start programs, as the application calls them: they see to it that the loader is in the next
// program too, and call the functions that they stand before. They run after fork and vfork, in programs with threads:
// nothing here allocates, locks, or writes to memory that others see.
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "inheritance.h"
#include "kernel.h"
#include "process.h"
#include "symbols.h"

#define PUBLIC __attribute__((visibility("default")))
// How large an environment may be made on the stack of whoever calls exec, in bytes: threads may have 16 KB in all.
#define STACK_SIZE 8192

enum function {
  EXECV,
  EXECVE,
  EXECVP,
  EXECVPE,
  EXECVEAT,
  FEXECVE,
  SPAWN,
  SPAWNP,
  FUNCTIONS,
};

static struct wanted next[FUNCTIONS] = {
    [EXECV] = {.name = "execv"},       [EXECVE] = {.name = "execve"},     [EXECVP] = {.name = "execvp"},
    [EXECVPE] = {.name = "execvpe"},   [EXECVEAT] = {.name = "execveat"}, [FEXECVE] = {.name = "fexecve"},
    [SPAWN] = {.name = "posix_spawn"}, [SPAWNP] = {.name = "posix_spawnp"},
};

void process_find_next(void) {
  if (process.is_searched) return;
  process.loader = symbols_find(next, next, FUNCTIONS);
  process.is_searched = true;
}

// A call of one of the functions that start a program.
struct call {
  enum function function;
  const char *path;
  char *const *arguments;
  // of execveat and fexecve
  int descriptor, flags;
  // of posix_spawn
  pid_t *child;
  const posix_spawn_file_actions_t *actions;
  const posix_spawnattr_t *attributes;
};

static bool is_spawn(const struct call *call) { return call->function == SPAWN || call->function == SPAWNP; }

// failed reports an error, which is a number of errno negated, as the function of the call does.
static int failed(const struct call *call, long error) {
  if (is_spawn(call)) return (int)-error;
  errno = (int)-error;
  return -1;
}

typedef int exec_function(const char *, char *const[]);
typedef int exec_environment_function(const char *, char *const[], char *const[]);
typedef int exec_descriptor_function(int, char *const[], char *const[]);
typedef int exec_at_function(int, const char *, char *const[], char *const[], int);
typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                           char *const[], char *const[]);

// perform makes the call with an environment, by the function that the program would have called without the loader.
static int perform(const struct call *call, char *const *environment) {
  enum function function = call->function;
  // these two take the environment from `environ`, which must not change here
  if (function == EXECV && environment != environ) function = EXECVE;
  if (function == EXECVP && environment != environ) function = EXECVPE;
  void *address = next[function].address;
  const long path = (long)call->path, arguments = (long)call->arguments, variables = (long)environment;
  if (!address && function == EXECVE) return failed(call, kernel_call(SYS_execve, path, arguments, variables, 0, 0, 0));
  if (!address && function == EXECVEAT) {  // which musl has not
    return failed(call, kernel_call(SYS_execveat, call->descriptor, path, arguments, variables, call->flags, 0));
  }
  if (!address) return failed(call, -ENOSYS);
  switch (function) {
    case EXECV:
    case EXECVP: return ((exec_function *)address)(call->path, call->arguments);
    case EXECVE:
    case EXECVPE: return ((exec_environment_function *)address)(call->path, call->arguments, environment);
    case EXECVEAT:
      return ((exec_at_function *)address)(call->descriptor, call->path, call->arguments, environment, call->flags);
    case FEXECVE: return ((exec_descriptor_function *)address)(call->descriptor, call->arguments, environment);
    default:
      return ((spawn_function *)address)(call->child, call->path, call->actions, call->attributes, call->arguments,
                                         environment);
  }
}

// Apart, so that only a call with a changed environment needs its size of the stack.
static __attribute__((noinline)) int perform_on_stack(const struct call *call, const struct change *change,
                                                      char *const *environment) {
  char *room[change->size / sizeof(char *) + 1];
  return perform(call, changed_environment(change, environment, process.loader, process.remembered, room));
}

static int perform_in_map(const struct call *call, const struct change *change, char *const *environment) {
  void *room = kernel_map(change->size);
  if (!room) return perform(call, environment);
  const int result =
      perform(call, changed_environment(change, environment, process.loader, process.remembered, room));
  kernel_unmap(room, change->size);
  return result;
}

static int start_program(const struct call *call, char *const *environment) {
  process_find_next();
  const struct change change = change_of(environment, process.loader, process.remembered);
  if (change.kind == CHANGE_NOTHING) return perform(call, environment);
  if (change.size <= STACK_SIZE) return perform_on_stack(call, &change, environment);
  // A child by vfork shares our memory: what it mapped would stay with its parent after each exec. Such a child is not
  // told from one by fork, therefore both go on with the environment as it is.
  if (is_spawn(call) || kernel_process() == process.number) return perform_in_map(call, &change, environment);
  return perform(call, environment);
}

PUBLIC int execv(const char *path, char *const argv[]) {
  const struct call call = {.function = EXECV, .path = path, .arguments = argv};
  return start_program(&call, environ);
}

PUBLIC int execve(const char *path, char *const argv[], char *const envp[]) {
  const struct call call = {.function = EXECVE, .path = path, .arguments = argv};
  return start_program(&call, envp);
}

PUBLIC int execvp(const char *file, char *const argv[]) {
  const struct call call = {.function = EXECVP, .path = file, .arguments = argv};
  return start_program(&call, environ);
}

PUBLIC int execvpe(const char *file, char *const argv[], char *const envp[]) {
  const struct call call = {.function = EXECVPE, .path = file, .arguments = argv};
  return start_program(&call, envp);
}

PUBLIC int execveat(int descriptor, const char *path, char *const argv[], char *const envp[], int flags) {
  const struct call call = {
      .function = EXECVEAT, .path = path, .arguments = argv, .descriptor = descriptor, .flags = flags};
  return start_program(&call, envp);
}

PUBLIC int fexecve(int descriptor, char *const argv[], char *const envp[]) {
  const struct call call = {.function = FEXECVE, .arguments = argv, .descriptor = descriptor};
  return start_program(&call, envp);
}

// The arguments of execl and its like, collected on the stack as the C libraries do it. `last` is the first argument;
// behind the terminating NULL `list` stands at what follows.
#define COLLECT(argv, first, list)                                       \
  size_t count = 1;                                                      \
  va_start(list, first);                                                 \
  while (va_arg(list, char *)) count++;                                  \
  va_end(list);                                                          \
  char *argv[count + 1];                                                 \
  va_start(list, first);                                                 \
  argv[0] = (char *)first;                                               \
  for (size_t i = 1; i <= count; i++) argv[i] = va_arg(list, char *)

PUBLIC int execl(const char *path, const char *argument, ...) {
  va_list list;
  COLLECT(argv, argument, list);
  va_end(list);
  return execv(path, argv);
}

PUBLIC int execlp(const char *file, const char *argument, ...) {
  va_list list;
  COLLECT(argv, argument, list);
  va_end(list);
  return execvp(file, argv);
}

PUBLIC int execle(const char *path, const char *argument, ...) {
  va_list list;
  COLLECT(argv, argument, list);
  char *const *envp = va_arg(list, char *const *);
  va_end(list);
  return execve(path, argv, envp);
}

PUBLIC int posix_spawn(pid_t *child, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  const struct call call = {.function = SPAWN,
                            .path = path,
                            .arguments = argv,
                            .child = child,
                            .actions = actions,
                            .attributes = attributes};
  return start_program(&call, envp);
}

PUBLIC int posix_spawnp(pid_t *child, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
  const struct call call = {.function = SPAWNP,
                            .path = file,
                            .arguments = argv,
                            .child = child,
                            .actions = actions,
                            .attributes = attributes};
  return start_program(&call, envp);
}
