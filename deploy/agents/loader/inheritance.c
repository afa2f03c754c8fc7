#include "inheritance.h"

#include "environment.h"
#include "text.h"

#define PRELOAD "LD_PRELOAD"
#define POD_NAME "ODIGOS_POD_NAME"
#define DISTRIBUTION_NAME "ODIGOS_DISTRO_NAME"

bool is_ours(const char *entry) { return text_after(entry, "ODIGOS_") || text_after(entry, "OTEL_"); }

size_t remembered_size(char *const *environment) {
  size_t size = sizeof(char *);
  for (; *environment; environment++) {
    if (is_ours(*environment)) size += sizeof(char *) + text_length(*environment) + 1;
  }
  return size;
}

char **remembered_variables(char *const *environment, void *room) {
  char **made = room;
  size_t count = 0;
  for (size_t i = 0; environment[i]; i++) count += is_ours(environment[i]);
  char *text = (char *)(made + count + 1);
  count = 0;
  for (; *environment; environment++) {
    if (!is_ours(*environment)) continue;
    const size_t length = text_length(*environment) + 1;
    for (size_t i = 0; i < length; i++) text[i] = (*environment)[i];
    made[count++] = text;
    text += length;
  }
  made[count] = NULL;
  return made;
}

static bool is_preload_separator(char character) { return character == ':' || character == ' '; }

// preload_contains says whether a value of LD_PRELOAD names the loader; *is_empty whether it names nothing at all.
static bool preload_contains(const char *value, const char *loader, bool *is_empty) {
  *is_empty = true;
  while (*value) {
    while (is_preload_separator(*value)) value++;
    if (!*value) break;
    *is_empty = false;
    const char *rest = text_after(value, loader);
    if (rest && (!*rest || is_preload_separator(*rest))) return true;
    while (*value && !is_preload_separator(*value)) value++;
  }
  return false;
}

struct change change_of(char *const *environment, const char *loader, char *const *remembered) {
  struct change change = {.kind = CHANGE_NOTHING};
  const char *preload = NULL;
  bool has_pod = false, has_distribution = false, is_empty = true;
  if (!environment || !remembered) return change;
  for (; environment[change.count]; change.count++) {
    const char *entry = environment[change.count];
    const char *value = preload ? NULL : variable_is(entry, PRELOAD);
    if (value) {
      preload = value;
      change.preload = change.count;
    }
    has_pod = has_pod || variable_is(entry, POD_NAME);
    has_distribution = has_distribution || variable_is(entry, DISTRIBUTION_NAME);
  }
  if (!preload) return change;
  const bool has_loader = preload_contains(preload, loader, &is_empty);
  if (is_empty) return change;
  if (has_loader && !has_pod && !has_distribution) {
    change.kind = CHANGE_VARIABLES;
    change.size = (change.count + variable_count(remembered) + 1) * sizeof(char *);
  } else if (!has_loader && has_pod && has_distribution) {
    change.kind = CHANGE_PRELOAD;
    const size_t text = sizeof PRELOAD "=" + text_length(preload) + 1 + text_length(loader);
    change.size = (change.count + 1) * sizeof(char *) + text;
  }
  return change;
}

static bool has_variable_of(char *const *environment, size_t count, const char *entry) {
  size_t name = 0;
  while (entry[name] && entry[name] != '=') name++;
  for (size_t i = 0; i < count; i++) {
    size_t at = 0;
    while (at <= name && environment[i][at] == entry[at]) at++;
    if (at > name) return true;
  }
  return false;
}

char **changed_environment(const struct change *change, char *const *environment, const char *loader,
                           char *const *remembered, void *room) {
  char **made = room;
  size_t count = change->count;
  for (size_t i = 0; i < count; i++) made[i] = environment[i];
  if (change->kind == CHANGE_PRELOAD) {
    const size_t array = (count + 1) * sizeof(char *);
    struct writer writer = writer_for((char *)room + array, change->size - array);
    made[change->preload] = writer.next;
    write_text(&writer, environment[change->preload]);
    write_bytes(&writer, ":", 1);
    write_text(&writer, loader);
    // another thread may have made the value longer since change_of
    if (!write_end(&writer)) made[change->preload] = environment[change->preload];
  } else if (change->kind == CHANGE_VARIABLES) {
    for (; *remembered; remembered++) {
      if (!has_variable_of(environment, change->count, *remembered)) made[count++] = *remembered;
    }
  }
  made[count] = NULL;
  return made;
}
