#define _GNU_SOURCE
#include "shim_processes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// openat2 is younger than the C libraries that we are built with.
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
struct open_how_v0 {
  uint64_t flags, mode, resolve;
};
enum { resolve_no_magiclinks = 0x02, resolve_in_root = 0x10 };

int shim_open_in_root(int root, const char *path, int flags) {
  struct open_how_v0 how = {
      .flags = (uint64_t)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags),
      .resolve = resolve_in_root | resolve_no_magiclinks,
  };
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

int shim_known_status(int directory, const char *path, struct stat *status) {
  struct statx found;
  const unsigned wanted = STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE | STATX_MTIME;
  if (statx(directory, path, AT_STATX_DONT_SYNC, wanted, &found) != 0) {
    // Before Linux 4.11, and where a filter of system calls does not know it.
    return errno == ENOSYS || errno == EPERM ? fstatat(directory, path, status, 0) : -1;
  }
  *status = (struct stat){
      .st_dev = makedev(found.stx_dev_major, found.stx_dev_minor),
      .st_ino = found.stx_ino,
      .st_mode = found.stx_mode,
      .st_size = (off_t)found.stx_size,
      .st_mtim = {.tv_sec = found.stx_mtime.tv_sec, .tv_nsec = found.stx_mtime.tv_nsec},
  };
  return 0;
}

// PROCMAP_QUERY (Linux 6.11, proc_pid_maps(5)) is younger than the headers that we are built with.
struct mapping_query {
  uint64_t size, flags, address;
  uint64_t start, end, permissions, page_size, offset, inode;
  uint32_t device_major, device_minor, name_size, build_id_size;
  uint64_t name, build_id;
};
enum { mapping_executable = 0x04, mapping_covering_or_next = 0x10, mapping_file_backed = 0x20 };

ssize_t shim_mapped_programs(int maps, char *names, size_t size, size_t count) {
  size_t used = 0;
  uint64_t address = 0;
  while (count-- > 0) {
    struct mapping_query query = {
        .size = sizeof query,
        .flags = mapping_executable | mapping_file_backed | mapping_covering_or_next,
        .address = address,
        .name_size = (uint32_t)(size - used < UINT32_MAX ? size - used : UINT32_MAX),
        .name = (uint64_t)(uintptr_t)(names + used),
    };
    if (query.name_size == 0) {
      errno = ENAMETOOLONG;
      return -1;
    }
    if (ioctl(maps, _IOWR('f', 17, struct mapping_query), &query) != 0) {
      // ENOENT: there are no more.
      return errno == ENOENT ? (ssize_t)used : -1;
    }
    if (query.end <= address) break;
    used += query.name_size;
    address = query.end;
  }
  return (ssize_t)used;
}

enum { ring_pages = 8 };

struct shim_exec_ring {
  int fd;
  struct perf_event_mmap_page *page;
  size_t size;
  size_t data_size;
};

shim_exec_ring *shim_exec_ring_open(int processor) {
  // The event itself counts nothing: what is wanted are the records of new names of processes, of which those by exec
  // are marked. Nothing ever wakes the reader, who comes by timer.
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_SOFTWARE,
      .size = sizeof attributes,
      .config = PERF_COUNT_SW_DUMMY,
      .comm = 1,
      .comm_exec = 1,
      .watermark = 1,
      .wakeup_watermark = UINT32_MAX,
  };
  shim_exec_ring *ring = calloc(1, sizeof *ring);
  if (!ring) return NULL;
  ring->fd = (int)syscall(SYS_perf_event_open, &attributes, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);
  if (ring->fd < 0) {
    free(ring);
    return NULL;
  }
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  ring->data_size = ring_pages * page;
  ring->size = ring->data_size + page;
  ring->page = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
  if (ring->page == MAP_FAILED) {
    int code = errno;
    close(ring->fd);
    free(ring);
    errno = code;
    return NULL;
  }
  return ring;
}

void shim_exec_ring_close(shim_exec_ring *ring) {
  munmap(ring->page, ring->size);
  close(ring->fd);
  free(ring);
}

static void copy_out(const shim_exec_ring *ring, uint64_t place, void *to, size_t size) {
  const char *data = (const char *)ring->page + (ring->size - ring->data_size);
  size_t start = place % ring->data_size;
  size_t first = size < ring->data_size - start ? size : ring->data_size - start;
  memcpy(to, data + start, first);
  memcpy((char *)to + first, data, size - first);
}

size_t shim_exec_ring_take(shim_exec_ring *ring, int32_t *pids, size_t capacity, int *lost) {
  uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
  uint64_t tail = ring->page->data_tail;
  size_t count = 0;
  while (tail < head && count < capacity) {
    struct perf_event_header header;
    copy_out(ring, tail, &header, sizeof header);
    if (header.size < sizeof header || header.size > head - tail) {
      *lost = 1;
      tail = head;
      break;
    }
    if (header.type == PERF_RECORD_LOST) *lost = 1;
    if (header.type == PERF_RECORD_COMM && (header.misc & PERF_RECORD_MISC_COMM_EXEC)) {
      int32_t pid;
      copy_out(ring, tail + sizeof header, &pid, sizeof pid);
      pids[count++] = pid;
    }
    tail += header.size;
  }
  __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
  return count;
}

int shim_processor_count(void) { return get_nprocs_conf(); }
