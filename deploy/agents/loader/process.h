// What the loader knows of the process that it is in.
#ifndef ODIGOS_LOADER_PROCESS_H
#define ODIGOS_LOADER_PROCESS_H

#include <stdbool.h>

// Written before main, by start() and process_find_next(); only read later, by any thread.
struct process {
  // the functions behind our own were looked for
  bool is_searched;
  // the loader's own path; NULL: not known
  const char *loader;
  // our variables; NULL: this process is none of ours
  char **remembered;
  long number;
};

extern struct process process;

// process_find_next looks for the loader itself and for the functions that its own stand before. Other libraries may
// call ours before start().
void process_find_next(void);

#endif
