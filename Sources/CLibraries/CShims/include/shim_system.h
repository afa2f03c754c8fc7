/// Functions of glibc that Swift cannot see (behind _GNU_SOURCE) and epoll with a 64-bit tag in place of its union.
#ifndef SHIM_SYSTEM_H
#define SHIM_SYSTEM_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

static const uint32_t shim_EPOLLIN = EPOLLIN;
static const uint32_t shim_EPOLLOUT = EPOLLOUT;
static const uint32_t shim_EPOLLRDHUP = EPOLLRDHUP;
static const uint32_t shim_EPOLLERR = EPOLLERR;
static const uint32_t shim_EPOLLHUP = EPOLLHUP;

/// epoll_ctl with the tag that shim_epoll_tag gives back.
static inline int shim_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t tag) {
  struct epoll_event event = {.events = events, .data = {.u64 = tag}};
  return epoll_ctl(epoll, operation, fd, &event);
}

static inline uint64_t shim_epoll_tag(const struct epoll_event *event) { return event->data.u64; }
static inline uint32_t shim_epoll_events(const struct epoll_event *event) { return event->events; }

/// A non-blocking eventfd of value 0, closed on exec.
static inline int shim_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/// accept4 with SOCK_NONBLOCK and SOCK_CLOEXEC, the peer's address not wanted.
int shim_accept(int fd);
/// A socket with SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC.
int shim_stream_socket(int family);
const void *shim_memmem(const void *haystack, size_t haystack_size, const void *needle, size_t needle_size);
/// Keeps malloc from giving every thread its own arena, which costs idle processes megabytes, and from returning memory
/// to the kernel that is needed again at once; call it at the start.
void shim_tune_malloc(int arenas);
/// Names the calling thread; at most 15 bytes are kept.
void shim_name_thread(const char *name);
/// The process and user at the other end of a Unix socket; 0, or -1 and errno.
int shim_peer_credentials(int fd, pid_t *pid, uid_t *uid);
/// A descriptor that becomes readable when the process ends, closed on exec; -1 and errno (ENOSYS before Linux 5.3).
int shim_pidfd_open(pid_t pid);
/// Each of these signals adds 1 to the eventfd `fd` from then on; 0, or -1 and errno.
int shim_forward_signals(const int *signals, size_t count, int fd);
/// The SELinux label of a file itself, links not followed (xattr(7)); Swift's Glibc has no sys/xattr.h.
ssize_t odigos_label_get(const char *path, char *label, size_t size);
int odigos_label_set(const char *path, const char *label, size_t size);
#endif
