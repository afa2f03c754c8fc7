#include "environment.h"

#include "text.h"

const char *variable_is(const char *entry, const char *name) {
  const char *rest = text_after(entry, name);
  return rest && *rest == '=' ? rest + 1 : NULL;
}

size_t variable_count(char *const *environment) {
  size_t count = 0;
  while (environment[count]) count++;
  return count;
}

const char *variable_value(char *const *environment, const char *name) {
  for (; *environment; environment++) {
    const char *value = variable_is(*environment, name);
    if (value) return value;
  }
  return NULL;
}

// write_resolved fills in what is known; false when something that is needed is not.
static bool write_resolved(struct writer *writer, const char *text, const struct parameters *parameters) {
  const struct {
    const char *placeholder, *value;
  } known[] = {
      {"{{agents}}", parameters->agents},
      {"{{LIBC_TYPE}}", parameters->libc},
      {"{{RUNTIME_VERSION_MAJOR_MINOR}}", parameters->version},
  };
  while (*text) {
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known && !rest; i++) {
      rest = text_after(text, known[i].placeholder);
      if (!rest) continue;
      if (!known[i].value) return false;
      write_text(writer, known[i].value);
    }
    if (!rest) {
      write_bytes(writer, text, 1);
      rest = text + 1;
    }
    text = rest;
  }
  return true;
}

// part_end returns where a part of a list ends: at the separator or at the end of the text.
static const char *part_end(const char *text, char separator) {
  while (*text && *text != separator) text++;
  return text;
}

static bool list_contains(const char *list, char separator, const char *part, size_t length) {
  for (;; list++) {
    const char *end = part_end(list, separator);
    if ((size_t)(end - list) == length) {
      size_t i = 0;
      while (i < length && list[i] == part[i]) i++;
      if (i == length) return true;
    }
    list = end;
    if (!*list) return false;
  }
}

static bool continues_path(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         text_is_digit(character) || character == '/' || character == '.' || character == '_' || character == '-';
}

// names_path says whether options name a file, however they spell the option: "-r F", "--require=F", "-javaagent:F=x".
static bool names_path(const char *options, const char *path) {
  for (const char *found = text_find(options, path); found; found = text_find(found + 1, path)) {
    if (!continues_path(found[text_length(path)])) return true;
  }
  return false;
}

// paths_are_there looks for every file and directory of the agent that a text names.
static bool paths_are_there(const char *text, const char *agents, bool (*can_read)(const char *path)) {
  char path[RESOLVED_SIZE];
  for (text = text_find(text, agents); text; text = text_find(text + 1, agents)) {
    struct writer writer = writer_for(path, sizeof path);
    size_t length = 0;
    while (text[length] && text[length] != ':' && text[length] != ' ') length++;
    write_bytes(&writer, text, length);
    if (!write_end(&writer) || !can_read(path)) return false;
  }
  return true;
}

// write_appended writes what the variable shall be; false when it holds ours already.
static bool write_appended(struct writer *writer, const char *value, const char *ours, char separator,
                           const char *agents) {
  write_text(writer, value);
  bool is_changed = false, is_empty = !*value;
  if (separator != ':') {
    const char *path = text_find(ours, agents);
    if (path && names_path(value, path)) return false;
    if (!is_empty) write_bytes(writer, &separator, 1);
    write_text(writer, ours);
    return true;
  }
  for (const char *part = ours;; part++) {
    const char *end = part_end(part, separator);
    if (!list_contains(value, separator, part, (size_t)(end - part))) {
      if (!is_empty) write_bytes(writer, &separator, 1);
      write_bytes(writer, part, (size_t)(end - part));
      is_changed = true;
      is_empty = false;
    }
    part = end;
    if (!*part) return is_changed;
  }
}

size_t instrumented_size(char *const *environment, const struct distribution *distribution) {
  size_t size = (variable_count(environment) + DISTRIBUTION_VARIABLES + 1) * sizeof(char *);
  for (const struct variable *variable = distribution->variables; variable->name; variable++) {
    const char *value = variable_value(environment, variable->name);
    size += text_length(variable->name) + RESOLVED_SIZE + 3;
    if (value) size += text_length(value);
  }
  return size;
}

// write_entry writes the entry of a variable. With OUTCOME_ALREADY_SET there is nothing to write.
static enum outcome write_entry(struct writer *writer, const struct variable *variable, const char *value,
                                const struct parameters *parameters, bool (*can_read)(const char *path)) {
  char ours[RESOLVED_SIZE];
  struct writer resolved = writer_for(ours, sizeof ours);
  const char *text = !value && variable->alone ? variable->alone : variable->value;
  if (!write_resolved(&resolved, text, parameters)) return OUTCOME_UNKNOWN_PARAMETER;
  if (!write_end(&resolved)) return OUTCOME_TOO_LARGE;
  if (!paths_are_there(ours, parameters->agents, can_read)) return OUTCOME_NO_AGENT;
  if (value && !variable->separator) return text_equal(value, ours) ? OUTCOME_ALREADY_SET : OUTCOME_TAKEN;
  write_text(writer, variable->name);
  write_bytes(writer, "=", 1);
  if (!value) {
    write_text(writer, ours);
  } else if (!write_appended(writer, value, ours, variable->separator, parameters->agents)) {
    return OUTCOME_ALREADY_SET;
  }
  return write_end(writer) ? OUTCOME_SET : OUTCOME_TOO_LARGE;
}

enum outcome instrumented_environment(char *const *environment, const struct distribution *distribution,
                                      const struct parameters *parameters, bool (*can_read)(const char *path),
                                      void *room, size_t size, char ***result) {
  struct {
    const char *name;
    char *text;
  } entries[DISTRIBUTION_VARIABLES];
  size_t changed = 0, count = variable_count(environment);
  char **made = room;
  const size_t array = (count + DISTRIBUTION_VARIABLES + 1) * sizeof(char *);
  if (size < array) return OUTCOME_TOO_LARGE;
  struct writer writer = writer_for((char *)room + array, size - array);
  for (const struct variable *variable = distribution->variables; variable->name; variable++) {
    char *start = writer.next;
    const char *value = variable_value(environment, variable->name);
    enum outcome outcome = write_entry(&writer, variable, value, parameters, can_read);
    if (outcome == OUTCOME_ALREADY_SET) {
      writer.next = start;
      continue;
    }
    if (outcome != OUTCOME_SET) return outcome;
    entries[changed].name = variable->name;
    entries[changed++].text = start;
  }
  if (!changed) return OUTCOME_ALREADY_SET;
  for (size_t i = 0; i < count; i++) made[i] = environment[i];
  for (size_t i = 0; i < changed; i++) {
    size_t at = 0;
    while (at < count && !variable_is(made[at], entries[i].name)) at++;
    if (at == count) count++;
    made[at] = entries[i].text;
  }
  made[count] = NULL;
  *result = made;
  return OUTCOME_SET;
}

static size_t digits(const char *text) {
  size_t count = 0;
  while (text_is_digit(text[count])) count++;
  return count;
}

bool version_in(const char *text, char *version, size_t size) {
  for (; *text; text++) {
    const size_t major = digits(text);
    if (!major) continue;
    struct writer writer = writer_for(version, size);
    const size_t minor = text[major] == '.' ? digits(text + major + 1) : 0;
    if (minor) {
      write_bytes(&writer, text, major + 1 + minor);
      return write_end(&writer);
    }
    if (major == 2 || major == 3) {
      write_bytes(&writer, text, 1);
      write_bytes(&writer, ".", 1);
      write_bytes(&writer, text + 1, major - 1);
      return write_end(&writer);
    }
    text += major - 1;
  }
  return false;
}

static bool is_blank(char character) { return character == ' ' || character == '\t'; }

bool shebang_interpreter(const char *start, size_t length, char *interpreter, size_t size) {
  size_t from = 2;
  if (length < 2 || start[0] != '#' || start[1] != '!') return false;
  while (from < length && is_blank(start[from])) from++;
  size_t to = from;
  while (to < length && start[to] && start[to] != '\n' && !is_blank(start[to])) to++;
  // a name that the start does not hold to its end is not one
  if (to == from || to == length) return false;
  struct writer writer = writer_for(interpreter, size);
  write_bytes(&writer, start + from, to - from);
  return write_end(&writer);
}
