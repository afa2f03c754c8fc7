// The program that the loader's tests run: it shows its environment, and starts programs in every way there is.
//
//   probe show NAME...                 prints the variables, and errno as it was when main began
//   probe descriptors                  prints which descriptors are open
//   probe wait                         prints PYTHONPATH when its input ends
//   probe start WAY CHANGE PROGRAM...  starts a program by one of `ways` with a changed environment
//   probe again TIMES WAY CHANGE PROGRAM...   the same from a child, so often; then says how much memory was mapped
//   probe threads TIMES CHANGE PROGRAM...     posix_spawn and fork with exec from eight threads
//
// CHANGE: keep | clear (nothing but LD_PRELOAD) | none (nothing) | LD_PRELOAD=VALUE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
#ifdef HAS_EXECVEAT
int execveat(int, const char *, char *const[], char *const[], int);
#endif

static char **changed(const char *change) {
  if (strcmp(change, "keep") == 0) return environ;
  size_t count = 0, made = 0;
  while (environ[count]) count++;
  char **result = calloc(count + 2, sizeof *result);
  if (!result) abort();
  if (strcmp(change, "none") == 0) return result;
  for (size_t i = 0; i < count; i++) {
    const int is_preload = strncmp(environ[i], "LD_PRELOAD=", 11) == 0;
    if (strcmp(change, "clear") == 0 ? is_preload : !is_preload) result[made++] = strdup(environ[i]);
    // as programs do that show a title in place of their arguments
    memset(environ[i], 'x', strlen(environ[i]));
  }
  if (strncmp(change, "LD_PRELOAD=", 11) == 0) result[made] = (char *)change;
  return result;
}

static int wait_for(pid_t process) {
  int status;
  if (waitpid(process, &status, 0) != process) return 125;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int start(const char *way, char **environment, char **program) {
  pid_t process;
  int error = 0;
  char **own = environ;
  const char *name = program[0], *a = program[1], *b = program[1] ? program[2] : NULL;
  if (strcmp(way, "execve") == 0) execve(name, program, environment);
  if (strcmp(way, "execvpe") == 0) execvpe(name, program, environment);
  if (strcmp(way, "execle") == 0) execle(name, name, a, b, NULL, environment);
  if (strcmp(way, "fexecve") == 0) fexecve(open(name, O_RDONLY | O_CLOEXEC), program, environment);
#ifdef HAS_EXECVEAT
  if (strcmp(way, "execveat") == 0) execveat(AT_FDCWD, name, program, environment, 0);
#endif
  if (strcmp(way, "posix_spawn") == 0) error = posix_spawn(&process, name, NULL, NULL, program, environment);
  if (strcmp(way, "posix_spawnp") == 0) error = posix_spawnp(&process, name, NULL, NULL, program, environment);
  if (strncmp(way, "posix_spawn", 11) == 0) {
    if (!error) return wait_for(process);
    printf("error %d\n", error);
    return 1;
  }
  environ = environment;
  if (strcmp(way, "execv") == 0) execv(name, program);
  if (strcmp(way, "execvp") == 0) execvp(name, program);
  if (strcmp(way, "execl") == 0) execl(name, name, a, b, NULL);
  if (strcmp(way, "execlp") == 0) execlp(name, name, a, b, NULL);
  if (strcmp(way, "system") == 0 || strcmp(way, "popen") == 0) {
    char command[4096];
    snprintf(command, sizeof command, "%s %s %s", name, a ? a : "", b ? b : "");
    fflush(stdout);
    if (strcmp(way, "system") == 0) return system(command);
    FILE *output = popen(command, "r");
    if (!output) return 1;
    while (fgets(command, sizeof command, output)) fputs(command, stdout);
    return pclose(output);
  }
  environ = own;
  printf("error %d\n", errno);
  return 1;
}

// mapped returns how many pages the process has.
static long mapped(void) {
  long pages = -1;
  FILE *state = fopen("/proc/self/statm", "r");
  if (!state || fscanf(state, "%ld", &pages) != 1) abort();
  fclose(state);
  return pages;
}

static int again(int times, const char *way, char **environment, char **program) {
  int status = 0;
  char **own = environ;
  printf("mapping\n");  // what the first use of the output and of a file maps is not counted
  fflush(stdout);
  mapped();
  const long before = mapped();
  for (int i = 0; i < times && !status; i++) {
    // vfork is what is tested: the child does nothing but change `environ`, which is put back, and exec
    pid_t child = vfork();
    if (child == 0) _exit(start(way, environment, program));
    environ = own;
    status = wait_for(child);
  }
  printf("mapped %ld\n", mapped() - before);
  return status;
}

struct work {
  int times;
  char **environment, **program;
};

static void *spawn_many(void *argument) {
  const struct work *work = argument;
  for (int i = 0; i < work->times; i++) {
    pid_t process;
    if (i % 2) {
      if (posix_spawn(&process, work->program[0], NULL, NULL, work->program, work->environment)) return "spawn";
    } else {
      process = fork();
      if (process == 0) {
        execve(work->program[0], work->program, work->environment);
        _exit(126);
      }
    }
    free(malloc(1000 + (size_t)i));
    if (wait_for(process)) return "child";
  }
  return NULL;
}

static int threads(struct work work) {
  pthread_t thread[8];
  pthread_attr_t attributes;
  int status = 0;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 131072);
  for (int i = 0; i < 8; i++) {
    if (pthread_create(&thread[i], &attributes, spawn_many, &work)) return 1;
  }
  for (int i = 0; i < 8; i++) {
    void *failure = NULL;
    pthread_join(thread[i], &failure);
    if (failure) printf("failure: %s\n", (char *)failure), status = 1;
  }
  return status;
}

int main(int count, char **arguments) {
  const int error = errno;
  if (count < 2) return 2;
  if (strcmp(arguments[1], "show") == 0) {
    if (error) printf("errno %d\n", error);
    for (int i = 2; i < count; i++) {
      const char *value = getenv(arguments[i]);
      if (value) printf("%s=%s\n", arguments[i], value);
    }
    return 0;
  }
  if (strcmp(arguments[1], "descriptors") == 0) {
    for (int i = 0; i < 256; i++) {
      if (fcntl(i, F_GETFD) >= 0) printf("%d\n", i);
    }
    return 0;
  }
  if (strcmp(arguments[1], "wait") == 0) {
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    puts(getenv("PYTHONPATH") ? getenv("PYTHONPATH") : "");
    return 0;
  }
  if (strcmp(arguments[1], "start") == 0) return start(arguments[2], changed(arguments[3]), arguments + 4);
  if (strcmp(arguments[1], "again") == 0)
    return again(atoi(arguments[2]), arguments[3], changed(arguments[4]), arguments + 5);
  if (strcmp(arguments[1], "threads") == 0)
    return threads((struct work){atoi(arguments[2]), changed(arguments[3]), arguments + 4});
  return 2;
}
