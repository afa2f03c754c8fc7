// The few calls to the kernel that the loader makes. They do not go through the C library, so that one file serves
// glibc and musl, errno stays as it is, and no other preloaded library sees them.
#ifndef ODIGOS_LOADER_KERNEL_H
#define ODIGOS_LOADER_KERNEL_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

// kernel_call makes a system call; an error is returned as its negated number.
static inline long kernel_call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "the loader knows the system calls of x86_64 and aarch64 only"
#endif
}

// kernel_map gives zeroed memory that stays until kernel_unmap; NULL when there is none.
static inline void *kernel_map(size_t size) {
  long result =
      kernel_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return result < 0 && result > -4096 ? NULL : (void *)result;
}

static inline void kernel_unmap(void *start, size_t size) {
  kernel_call(SYS_munmap, (long)start, (long)size, 0, 0, 0, 0);
}

// kernel_read_link returns the length of what a symbolic link says, which is not terminated; negative on failure.
static inline long kernel_read_link(const char *path, char *target, size_t size) {
  return kernel_call(SYS_readlinkat, AT_FDCWD, (long)path, (long)target, (long)size, 0, 0);
}

// kernel_open returns a descriptor that no exec inherits; negative on failure.
static inline int kernel_open(const char *path, int flags, int mode) {
  return (int)kernel_call(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, mode, 0, 0);
}

static inline long kernel_read(int descriptor, void *bytes, size_t size) {
  return kernel_call(SYS_read, descriptor, (long)bytes, (long)size, 0, 0, 0);
}

static inline long kernel_write(int descriptor, const void *bytes, size_t size) {
  return kernel_call(SYS_write, descriptor, (long)bytes, (long)size, 0, 0, 0);
}

static inline void kernel_close(int descriptor) { kernel_call(SYS_close, descriptor, 0, 0, 0, 0, 0); }

static inline int kernel_state(int descriptor, struct stat *state) {
  return (int)kernel_call(SYS_fstat, descriptor, (long)state, 0, 0, 0, 0);
}

// kernel_can_read says whether a file or directory is there for this process.
static inline int kernel_can_read(const char *path) {
  return kernel_call(SYS_faccessat, AT_FDCWD, (long)path, 4 /* R_OK */, 0, 0, 0) == 0;
}

static inline long kernel_process(void) { return kernel_call(SYS_getpid, 0, 0, 0, 0, 0, 0); }

#endif
