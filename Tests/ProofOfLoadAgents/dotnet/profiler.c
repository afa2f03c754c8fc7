/* A profiler for .NET that does nothing but note that the runtime has loaded and started it; see ../README.md.

   The runtime asks the library for a class factory, that for the profiler, and the profiler for the second version of
   its interface; then it calls Initialize. No event is asked for, so that of the other methods only Shutdown and what
   concerns the end of the process are ever called. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t first;
    uint16_t second, third;
    uint8_t rest[8];
} identifier;
typedef int32_t result;
enum { OK = 0, NO_INTERFACE = (result)0x80004002 };

static const identifier UNKNOWN = {0, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const identifier FACTORY = {1, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const identifier CALLBACK = {0x176FBED1, 0xA55C, 0x4796, {0x98, 0xCA, 0xA9, 0xDA, 0x0E, 0xF8, 0x83, 0xE7}};
static const identifier CALLBACK2 = {0x8A8CC829, 0xCCF2, 0x49FE, {0xBB, 0xAE, 0x0F, 0x02, 0x22, 0x28, 0x07, 0x1A}};

/* An object of COM: a pointer to the table of its methods. There is one of each, which lives as long as the process. */
typedef struct {
    const void *const *methods;
} object;

static int is_one_of(const identifier *wanted, const identifier *first, const identifier *second) {
    return memcmp(wanted, first, sizeof *wanted) == 0 || memcmp(wanted, second, sizeof *wanted) == 0;
}

static uint32_t count_reference(object *self) {
    (void)self;
    return 1;
}

static result do_nothing(object *self) {
    (void)self;
    return OK;
}

static result initialize(object *self, void *runtime) {
    (void)self;
    (void)runtime;
    setenv("PROOF_PROFILER", "started", 1);
    return OK;
}

static result query_profiler(object *self, const identifier *wanted, void **found) {
    int is_callback = is_one_of(wanted, &CALLBACK, &CALLBACK2) || is_one_of(wanted, &UNKNOWN, &UNKNOWN);
    *found = is_callback ? self : NULL;
    return is_callback ? OK : NO_INTERFACE;
}

/* ICorProfilerCallback2 has 3 methods of IUnknown and 77 of its own. */
static const void *profiler_methods[80] = {query_profiler, count_reference, count_reference, initialize};
static object profiler = {profiler_methods};

static result create(object *self, object *outer, const identifier *wanted, void **found) {
    (void)self;
    (void)outer;
    return query_profiler(&profiler, wanted, found);
}

static result query_factory(object *self, const identifier *wanted, void **found) {
    int is_factory = is_one_of(wanted, &UNKNOWN, &FACTORY);
    *found = is_factory ? self : NULL;
    return is_factory ? OK : NO_INTERFACE;
}

static const void *const factory_methods[] = {query_factory, count_reference, count_reference, create, do_nothing};
static object factory = {factory_methods};

/* What the runtime calls first, with CORECLR_PROFILER. */
__attribute__((visibility("default"))) result DllGetClassObject(
    const identifier *class, const identifier *wanted, void **found) {
    static const identifier opentelemetry = {
        0x918728DD, 0x259F, 0x4A6A, {0xAC, 0x2B, 0xB8, 0x5E, 0x1B, 0x65, 0x83, 0x18}};
    if (!is_one_of(class, &opentelemetry, &opentelemetry)) return NO_INTERFACE;
    for (unsigned method = 4; method < sizeof profiler_methods / sizeof *profiler_methods; method++)
        profiler_methods[method] = do_nothing;
    return query_factory(&factory, wanted, found);
}
