#ifndef SHIM_SYSTEM_H
#define SHIM_SYSTEM_H
#include <pthread.h>
#endif
