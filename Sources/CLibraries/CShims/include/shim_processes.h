/// What process inspection needs of the kernel and Swift cannot call.
#ifndef SHIM_PROCESSES_H
#define SHIM_PROCESSES_H
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/// Opens a file for reading as a process with the root directory `root` would, whatever symbolic links are in the way;
/// -1 and errno, ENOSYS where the kernel cannot (before 5.6). `flags` come beside O_RDONLY, O_CLOEXEC and O_NONBLOCK.
int shim_open_in_root(int root, const char *path, int flags);

/// fstatat that never waits for the server of a file system, but takes what the kernel knows of the file: device, inode,
/// mode, size and time of the last change; 0, or -1 and errno.
int shim_known_status(int directory, const char *path, struct stat *status);

/// The names of the files that a process has mapped to execute, of at most `count` mappings, each ended by a zero, from
/// its open `maps`; answers how many bytes they take, or -1 and errno (ENOTTY before Linux 6.11, ENAMETOOLONG where they
/// do not fit).
ssize_t shim_mapped_programs(int maps, char *names, size_t size, size_t count);

/// The programs that are executed on one processor, noted by the kernel in a ring of memory.
typedef struct shim_exec_ring shim_exec_ring;

/// Opens the ring of a processor; NULL and errno. EPERM or EACCES: CAP_PERFMON is missing.
shim_exec_ring *shim_exec_ring_open(int processor);
void shim_exec_ring_close(shim_exec_ring *ring);
/// Takes what has been noted since the last call: the ids of the processes, at most `capacity` (the rest stays for the
/// next call). `lost` is set where the ring was full, so that some are missing.
size_t shim_exec_ring_take(shim_exec_ring *ring, int32_t *pids, size_t capacity, int *lost);

/// How many processors the kernel may have online.
int shim_processor_count(void);
#endif
