#define _GNU_SOURCE
#include "shim_system.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int shim_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int shim_stream_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

const void *shim_memmem(const void *haystack, size_t haystack_size, const void *needle, size_t needle_size) {
  return memmem(haystack, haystack_size, needle, needle_size);
}

void shim_tune_malloc(int arenas) {
  mallopt(M_ARENA_MAX, arenas);
  // Without these, buffers that come and go with each burst of requests are given back to the kernel and asked for
  // again, page by page, each time. What is kept at most is the trim threshold of each arena.
  mallopt(M_TRIM_THRESHOLD, 2 << 20);
  mallopt(M_MMAP_THRESHOLD, 2 << 20);
}

void shim_name_thread(const char *name) {
  char kept[16] = {0};
  strncpy(kept, name, sizeof kept - 1);
  pthread_setname_np(pthread_self(), kept);
}

int shim_peer_credentials(int fd, pid_t *pid, uid_t *uid) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  *pid = credentials.pid;
  *uid = credentials.uid;
  return 0;
}

// By number: glibc has had a function of that name only since 2.36. The descriptor is closed on exec by itself.
int shim_pidfd_open(pid_t pid) {
#ifdef SYS_pidfd_open
  return (int)syscall(SYS_pidfd_open, pid, 0);
#else
  (void)pid;
  errno = ENOSYS;
  return -1;
#endif
}

static volatile int signal_fd = -1;

// In C because a handler may only do what is async-signal-safe, which the Swift runtime does not promise.
static void forward_signal(int number) {
  (void)number;
  int saved = errno;
  uint64_t one = 1;
  ssize_t written = write(signal_fd, &one, sizeof one);
  (void)written;
  errno = saved;
}

int shim_forward_signals(const int *signals, size_t count, int fd) {
  signal_fd = fd;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = forward_signal;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < count; i++)
    if (sigaction(signals[i], &action, NULL) != 0) return -1;
  return 0;
}

#include <sys/xattr.h>

static const char label_attribute[] = "security.selinux";

ssize_t odigos_label_get(const char *path, char *label, size_t size) {
  return lgetxattr(path, label_attribute, label, size);
}

int odigos_label_set(const char *path, const char *label, size_t size) {
  return label == NULL ? lremovexattr(path, label_attribute) : lsetxattr(path, label_attribute, label, size, 0);
}
