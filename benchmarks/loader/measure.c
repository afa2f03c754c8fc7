// measure ROUNDS LOADER DISTRIBUTION PROGRAM...: how long a program takes from exec to its end, in three environments.
//
// Prints a line for each: environment, median of the wall clock, median of the CPU time, both in microseconds. The
// environments take turns, so that what else the machine does hits all of them alike.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WITHOUT, IDLE, ACTIVE, ENVIRONMENTS };
static const char *const names[ENVIRONMENTS] = {"without", "idle", "active"};

static double microseconds(struct timeval time) { return 1e6 * (double)time.tv_sec + (double)time.tv_usec; }

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, ascending);
  return values[count / 2];
}

// run starts the program once and waits for it.
static void run(char **program, char **environment, double *wall, double *cpu) {
  struct timespec begin, end;
  struct rusage usage;
  int status;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const pid_t child = vfork();
  if (child == 0) {
    execve(program[0], program, environment);
    _exit(127);
  }
  if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "measure: %s does not end with status 0\n", program[0]);
    exit(1);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  *wall = 1e6 * (double)(end.tv_sec - begin.tv_sec) + 1e-3 * (double)(end.tv_nsec - begin.tv_nsec);
  *cpu = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

int main(int count, char **arguments) {
  if (count < 5) return 2;
  const size_t rounds = (size_t)atol(arguments[1]);
  char *preload, *distribution, *path = "PATH=/usr/bin:/bin", *pod = "ODIGOS_POD_NAME=bench";
  if (!rounds || asprintf(&preload, "LD_PRELOAD=%s", arguments[2]) < 0 ||
      asprintf(&distribution, "ODIGOS_DISTRO_NAME=%s", arguments[3]) < 0)
    return 2;
  char *environments[ENVIRONMENTS][5] = {{path}, {path, preload}, {path, preload, pod, distribution}};
  double *wall[ENVIRONMENTS], *cpu[ENVIRONMENTS];
  for (int i = 0; i < ENVIRONMENTS; i++) {
    wall[i] = calloc(rounds, sizeof(double));
    cpu[i] = calloc(rounds, sizeof(double));
    if (!wall[i] || !cpu[i]) return 1;
    run(arguments + 4, environments[i], wall[i], cpu[i]);
  }
  for (size_t round = 0; round < rounds; round++) {
    for (int i = 0; i < ENVIRONMENTS; i++) run(arguments + 4, environments[i], wall[i] + round, cpu[i] + round);
  }
  for (int i = 0; i < ENVIRONMENTS; i++) {
    printf("%s %.1f %.1f\n", names[i], median(wall[i], rounds), median(cpu[i], rounds));
  }
  return 0;
}
