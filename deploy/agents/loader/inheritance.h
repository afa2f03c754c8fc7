// What the loader changes in the environments that a process gives to programs it starts, so that the loader and what
// it needs are there too: functions that allocate nothing and ask no kernel.
#ifndef ODIGOS_LOADER_INHERITANCE_H
#define ODIGOS_LOADER_INHERITANCE_H

#include <stdbool.h>
#include <stddef.h>

// is_ours says whether a variable is one of those that the loader remembers: what the webhook gave the container.
bool is_ours(const char *entry);

// remembered_size returns how many bytes remembered_variables needs for its result.
size_t remembered_size(char *const *environment);

// remembered_variables copies the variables that are ours into room: programs write over their first environment.
char **remembered_variables(char *const *environment, void *room);

// What is changed in the environment of a program that is started.
struct change {
  enum {
    CHANGE_NOTHING,
    // another library is preloaded: the loader is added behind it
    CHANGE_PRELOAD,
    // the loader is still preloaded, but our variables are gone: they are added
    CHANGE_VARIABLES,
  } kind;
  // how many bytes changed_environment needs for its result
  size_t size;
  // variables that there are
  size_t count;
  // which of them is LD_PRELOAD
  size_t preload;
};

// change_of decides. loader is the loader's own path, remembered what remembered_variables returned.
struct change change_of(char *const *environment, const char *loader, char *const *remembered);

// changed_environment makes the environment in room, which has change.size bytes.
char **changed_environment(const struct change *change, char *const *environment, const char *loader,
                           char *const *remembered, void *room);

#endif
