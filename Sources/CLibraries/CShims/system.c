#define _GNU_SOURCE
#include "shim_system.h"
