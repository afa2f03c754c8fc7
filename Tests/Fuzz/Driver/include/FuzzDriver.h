/// libFuzzer as a function (https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library").
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*callback)(const uint8_t *data, size_t size));
#endif
