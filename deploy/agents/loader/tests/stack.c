// stack SIZE LIBRARY: starts itself with LIBRARY preloaded from a thread with a stack of SIZE bytes. Below the stack is
// a guard page, and below that memory of others, in which nothing may change.
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

extern char **environ;
static int error = -1, status = -1;

static void *start(void *program) {
  char *arguments[] = {program, NULL};
  pid_t child;
  error = posix_spawn(&child, program, NULL, NULL, arguments, environ);
  if (!error) waitpid(child, &status, 0);
  return NULL;
}

int main(int count, char **arguments) {
  if (count == 1) return 0;
  if (count != 3 || setenv("LD_PRELOAD", arguments[2], 1)) return 2;
  const size_t size = strtoul(arguments[1], NULL, 10), others = 65536, guard = 4096;
  char *memory =
      mmap(NULL, others + guard + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  memset(memory, 'x', others);
  pthread_attr_t attributes;
  pthread_t thread;
  if (mprotect(memory + others, guard, PROT_NONE) || pthread_attr_init(&attributes) ||
      pthread_attr_setstack(&attributes, memory + others + guard, size) ||
      pthread_create(&thread, &attributes, start, arguments[0]) || pthread_join(thread, NULL)) {
    return 2;
  }
  size_t changed = 0;
  for (size_t i = 0; i < others; i++) changed += memory[i] != 'x';
  printf("started with %d, ended with %d, %zu bytes of others overwritten\n", error, status, changed);
  return 0;
}
