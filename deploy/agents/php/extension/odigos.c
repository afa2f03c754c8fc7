// Has PHP run prepend.php before each script, where it can: `auto_prepend_file` in odigos.ini would end every request of a
// program that may not read it (open_basedir, and chroot of a pool of PHP-FPM), and what the configuration says is only
// known when a request begins. Beside that it remembers, for all processes of a server, until when nothing is to be sent.
//
// Compiled without PHP's headers and without a C library, for each version of PHP by the number that it asks its
// extensions for (PHP_API): what is used of PHP is what follows, and PHP loads no extension that was made for another one.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct zend_string zend_string;

// As in Zend/zend_modules.h, Zend/zend_API.h, Zend/zend_compile.h and Zend/zend_types.h of PHP 8.2 to 8.4.
typedef struct {
  const char *name;
  void *type;
  uint32_t type_mask;
  const char *default_value;
} argument;

typedef struct {
  int64_t value;
  uint32_t type;
  uint32_t count;
} zval;

typedef struct {
  void *opline, *call, *return_value, *function;
  zval this; // its `count` is that of the arguments
} execute_data;

typedef struct {
  const char *name;
  void (*handler)(execute_data *, zval *);
  const argument *arguments;
  uint32_t count, flags;
#if PHP_API >= 20240924
  const void *frameless;
  const char *comment;
#endif
} function;

typedef struct {
  unsigned short size;
  unsigned int api;
  unsigned char debug, threads;
  const void *ini, *dependencies;
  const char *name;
  const function *functions;
  int (*startup)(int, int), (*shutdown)(int, int), (*request_startup)(int, int), (*request_shutdown)(int, int);
  void (*info)(void *);
  const char *version;
  size_t globals_size;
  void *globals, *globals_constructor, *globals_destructor, *post_deactivate;
  int started;
  unsigned char type;
  void *handle;
  int number;
  const char *build;
} module;

// The agent takes 4 MB of a request's memory.
enum { LEAST_MEMORY = 32 << 20 };
enum { IS_LONG = 4, PER_DIRECTORY = 1 << 1, ON_ACTIVATION = 1 << 2 };

extern int cfg_get_string(const char *name, char **value);
extern char *zend_ini_string(const char *name, size_t length, int original);
extern int php_check_open_basedir_ex(const char *path, int warn);
extern zend_string *zend_strpprintf(size_t most, const char *format, ...);
extern int zend_alter_ini_entry_chars_ex(zend_string *name, const char *value, size_t length, int kind, int stage, int force);
extern void zend_register_string_constant(const char *name, size_t length, const char *value, int flags, int module);
extern int zend_parse_parameters(uint32_t count, const char *types, ...);
extern void *tsrm_get_ls_cache(void) __attribute__((weak)); // only in a PHP with threads

#define TEXT(literal) literal, sizeof(literal) - 1

// Shared with the processes that a server forks later.
static int64_t *paused_until;

static size_t length(const char *text) {
  size_t count = 0;
  while (text[count] != 0) count++;
  return count;
}

static int equal(const char *one, const char *other) {
  while (*one != 0 && *one == *other) one++, other++;
  return *one == *other;
}

// Relative directories mean others when the script runs.
static int is_absolute(const char *directories) {
  for (const char *at = directories; *at != 0; at++) {
    if ((at == directories || at[-1] == ':') && *at != '/') return 0;
  }
  return 1;
}

static int can_be_read(const char *path) {
  const char *allowed = zend_ini_string(TEXT("open_basedir"), 0);
  if (allowed != NULL && (!is_absolute(allowed) || php_check_open_basedir_ex(path, 0) != 0)) return 0;
  return access(path, R_OK) == 0;
}

// Whether a limit of memory, as in memory_limit, leaves room for the agent beside the program.
static int is_small(const char *limit) {
  int64_t bytes = 0;
  if (limit == NULL || *limit < '0' || *limit > '9') return 0; // -1: none
  for (; *limit >= '0' && *limit <= '9'; limit++) {
    if (bytes < LEAST_MEMORY) bytes = bytes * 10 + (*limit - '0');
  }
  switch (*limit | 0x20) {
    case 'g': return bytes == 0;
    case 'm': return bytes < LEAST_MEMORY >> 20;
    case 'k': return bytes < LEAST_MEMORY >> 10;
    default: return bytes < LEAST_MEMORY;
  }
}

static int startup(int type, int number) {
  (void)type, (void)number;
  void *page = mmap(NULL, sizeof *paused_until, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  paused_until = page == MAP_FAILED ? NULL : page;
  return 0;
}

static int shutdown(int type, int number) {
  (void)type, (void)number;
  if (paused_until != NULL) munmap(paused_until, sizeof *paused_until);
  paused_until = NULL;
  return 0;
}

// The program's own file, whoever has set it, is run by prepend.php.
static int request_startup(int type, int number) {
  (void)type;
  char *path = NULL;
  if (cfg_get_string("odigos.prepend", &path) != 0 || path == NULL || !can_be_read(path)) return 0;
  if (is_small(zend_ini_string(TEXT("memory_limit"), 0))) return 0;
  const char *own = zend_ini_string(TEXT("auto_prepend_file"), 0);
  if (own != NULL && equal(own, path)) own = NULL;
  zend_register_string_constant(TEXT("Odigos\\PREPENDED"), own == NULL ? "" : own, 0, number);
  zend_string *name = zend_strpprintf(0, "auto_prepend_file"); // which ends with the request
  zend_alter_ini_entry_chars_ex(name, path, length(path), PER_DIRECTORY, ON_ACTIVATION, 1);
  return 0;
}

// Odigos\pause_until(int $time): until when nothing is to be sent, by the caller's clock; a later one stays. Gives what it is.
static void pause_until(execute_data *call, zval *result) {
  int64_t time = 0;
  if (zend_parse_parameters(call->this.count, "l", &time) != 0) return;
  int64_t now = 0;
  if (paused_until != NULL) {
    now = __atomic_load_n(paused_until, __ATOMIC_RELAXED);
    while (now < time && !__atomic_compare_exchange_n(paused_until, &now, time, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
    if (now < time) now = time;
  }
  result->value = now;
  result->type = IS_LONG;
}

static const argument of_pause_until[] = {{(const char *)1, NULL, 1 << IS_LONG, NULL}, {"time", NULL, 1 << IS_LONG, NULL}};
static const function functions[] = {
    {.name = "Odigos\\pause_until", .handler = pause_until, .arguments = of_pause_until, .count = 1}, {0}};

#define WORD(number) #number
#define BUILD(number, kind) "API" WORD(number) kind

static module extension = {
    .size = sizeof extension, .api = PHP_API, .name = "odigos", .functions = functions, .startup = startup,
    .shutdown = shutdown, .request_startup = request_startup, .version = "1", .build = BUILD(PHP_API, ",NTS"),
};

// A PHP with threads cannot run OpenTelemetry's extension, and says so; of this one it need not say it, too.
static module idle = {
    .size = sizeof idle, .api = PHP_API, .threads = 1, .name = "odigos", .version = "1", .build = BUILD(PHP_API, ",TS"),
};

__attribute__((visibility("default"))) module *get_module(void) { return tsrm_get_ls_cache != NULL ? &idle : &extension; }
