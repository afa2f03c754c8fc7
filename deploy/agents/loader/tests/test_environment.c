// Tests of what the loader decides, without a process; test_loader.py compiles them with the sanitizers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "inheritance.h"
#include "text.h"

static int failures;

#define EXPECT(condition, ...)                                  \
  do {                                                          \
    if (condition) break;                                       \
    failures++;                                                 \
    fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
    fprintf(stderr, __VA_ARGS__);                               \
    fputc('\n', stderr);                                        \
  } while (0)

static const char *same(const char *text) { return text ? text : "(none)"; }

// MARK: at the start of a process

static const struct distribution java = {
    .name = "java", .language = "java", .variables = {{"JAVA_TOOL_OPTIONS", "-javaagent:{{agents}}/j.jar", NULL, ' '}}};
static const struct distribution node = {
    .name = "node", .language = "javascript", .variables = {{"NODE_OPTIONS", "--require {{agents}}/n.js", NULL, ' '}}};
static const struct distribution python = {
    .name = "python", .language = "python", .variables = {{"PYTHONPATH", "{{agents}}/p:{{agents}}/p/q", NULL, ':'}}};
static const struct distribution php = {
    .name = "php",
    .language = "php",
    .variables = {{"PHP_INI_SCAN_DIR", "{{agents}}/php/{{RUNTIME_VERSION_MAJOR_MINOR}}",
                   ":{{agents}}/php/{{RUNTIME_VERSION_MAJOR_MINOR}}", ':'}}};
static const struct distribution dotnet = {
    .name = "dotnet",
    .language = "dotnet",
    .variables = {{"CORECLR_PROFILER", "{id}", NULL, 0},
                  {"CORECLR_PROFILER_PATH", "{{agents}}/linux-{{LIBC_TYPE}}/p.so", NULL, 0},
                  {"DOTNET_STARTUP_HOOKS", "{{agents}}/h.dll", NULL, ':'}}};

static bool all_there(const char *path) { return path[0] == '/'; }
static bool none_there(const char *path) { return path[0] != '/'; }
static bool all_but_q(const char *path) { return strcmp(path, "/a/p/q") != 0; }

// run instruments an environment in memory that ends where the result must end.
static enum outcome run(const struct distribution *distribution, const char *version, bool (*can_read)(const char *),
                        char *const *environment, char ***result) {
  const struct parameters parameters = {.agents = "/a", .libc = "musl", .version = version};
  const size_t size = instrumented_size(environment, distribution);
  void *room = malloc(size);
  if (!room) abort();
  *result = NULL;
  enum outcome outcome =
      instrumented_environment(environment, distribution, &parameters, can_read, room, size, result);
  if (outcome != OUTCOME_SET) free(room);
  return outcome;
}

static void test_values(void) {
  static const struct {
    const struct distribution *distribution;
    const char *before, *after;  // after: NULL where nothing changes
  } cases[] = {
      {&java, NULL, "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar"},
      {&java, "JAVA_TOOL_OPTIONS=", "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar"},
      {&java, "JAVA_TOOL_OPTIONS=-Xmx1g", "JAVA_TOOL_OPTIONS=-Xmx1g -javaagent:/a/j.jar"},
      {&java, "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar", NULL},
      {&java, "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar=debug -Xmx1g", NULL},
      {&java, "JAVA_TOOL_OPTIONS='-javaagent:/a/j.jar'", NULL},
      {&java, "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar.old",
       "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar.old -javaagent:/a/j.jar"},
      {&java, "JAVA_TOOL_OPTIONS=/a/j.jars /a/j.jar", NULL},
      {&java, "JAVA_TOOL_OPTION=x", "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar"},
      {&java, "JAVA_TOOL_OPTIONS2=x", "JAVA_TOOL_OPTIONS=-javaagent:/a/j.jar"},
      {&node, "NODE_OPTIONS=--require /x.js", "NODE_OPTIONS=--require /x.js --require /a/n.js"},
      {&node, "NODE_OPTIONS=-r /a/n.js", NULL},
      {&node, "NODE_OPTIONS=--require=/a/n.js --trace-warnings", NULL},
      {&node, "NODE_OPTIONS=--require \"/a/n.js\"", NULL},
      {&python, NULL, "PYTHONPATH=/a/p:/a/p/q"},
      {&python, "PYTHONPATH=", "PYTHONPATH=/a/p:/a/p/q"},
      {&python, "PYTHONPATH=/x", "PYTHONPATH=/x:/a/p:/a/p/q"},
      {&python, "PYTHONPATH=/x:", "PYTHONPATH=/x::/a/p:/a/p/q"},
      {&python, "PYTHONPATH=/a/p:/a/p/q:/x", NULL},
      {&python, "PYTHONPATH=/a/p/q:/x:/a/p", NULL},
      {&python, "PYTHONPATH=/a/p:/x", "PYTHONPATH=/a/p:/x:/a/p/q"},
      {&python, "PYTHONPATH=/a/p/qq:/a/pp", "PYTHONPATH=/a/p/qq:/a/pp:/a/p:/a/p/q"},
      {&php, NULL, "PHP_INI_SCAN_DIR=:/a/php/8.2"},
      {&php, "PHP_INI_SCAN_DIR=", "PHP_INI_SCAN_DIR=/a/php/8.2"},
      {&php, "PHP_INI_SCAN_DIR=/etc/x", "PHP_INI_SCAN_DIR=/etc/x:/a/php/8.2"},
      {&php, "PHP_INI_SCAN_DIR=:/a/php/8.2", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *before = cases[i].before ? strdup(cases[i].before) : NULL;
    char *environment[] = {(char *)"A=1", before ? before : (char *)"B=2", (char *)"C=3", NULL};
    char **result;
    enum outcome outcome = run(cases[i].distribution, "8.2", all_there, environment, &result);
    EXPECT((outcome == OUTCOME_SET) == (cases[i].after != NULL), "case %zu: outcome %d", i, outcome);
    EXPECT(outcome == OUTCOME_SET || outcome == OUTCOME_ALREADY_SET, "case %zu: outcome %d", i, outcome);
    if (result) {
      size_t at = 0, count = 0;
      while (result[count]) count++;
      while (result[at] && strcmp(result[at], same(cases[i].after)) != 0) at++;
      EXPECT(result[at] != NULL, "case %zu lacks %s", i, same(cases[i].after));
      const bool is_new = !before || !variable_value(environment, cases[i].distribution->variables[0].name);
      EXPECT(count == (is_new ? 4u : 3u), "case %zu: %zu variables", i, count);
      EXPECT(result[0] == environment[0] && result[2] == environment[2], "case %zu: others have changed", i);
    }
    free(result);
    free(before);
  }
}

static void test_the_first_of_several_counts(void) {
  char *environment[] = {(char *)"PYTHONPATH=/1", (char *)"PYTHONPATH=/2", NULL};
  char **result;
  EXPECT(run(&python, NULL, all_there, environment, &result) == OUTCOME_SET, "not set");
  EXPECT(result && strcmp(result[0], "PYTHONPATH=/1:/a/p:/a/p/q") == 0, "%s", result ? result[0] : "");
  EXPECT(result && strcmp(result[1], "PYTHONPATH=/2") == 0, "%s", result ? result[1] : "");
  free(result);
}

static void test_variables_that_an_agent_needs_for_itself(void) {
  char *nothing[] = {(char *)"A=1", NULL};
  char *ours[] = {(char *)"CORECLR_PROFILER={id}", (char *)"CORECLR_PROFILER_PATH=/a/linux-musl/p.so",
                  (char *)"DOTNET_STARTUP_HOOKS=/x.dll:/a/h.dll", NULL};
  char *other[] = {(char *)"CORECLR_PROFILER={other}", NULL};
  char **result;
  EXPECT(run(&dotnet, NULL, all_there, nothing, &result) == OUTCOME_SET, "not set");
  EXPECT(result && strcmp(same(variable_value(result, "CORECLR_PROFILER")), "{id}") == 0, "profiler");
  EXPECT(result && strcmp(same(variable_value(result, "CORECLR_PROFILER_PATH")), "/a/linux-musl/p.so") == 0, "path");
  EXPECT(result && strcmp(same(variable_value(result, "DOTNET_STARTUP_HOOKS")), "/a/h.dll") == 0, "hooks");
  free(result);
  EXPECT(run(&dotnet, NULL, all_there, ours, &result) == OUTCOME_ALREADY_SET, "set twice");
  EXPECT(run(&dotnet, NULL, all_there, other, &result) == OUTCOME_TAKEN, "another profiler was replaced");
}

static void test_what_keeps_an_agent_away(void) {
  char *nothing[] = {NULL};
  char **result;
  EXPECT(run(&php, NULL, all_there, nothing, &result) == OUTCOME_UNKNOWN_PARAMETER, "without a version");
  EXPECT(run(&java, NULL, none_there, nothing, &result) == OUTCOME_NO_AGENT, "without its file");
  EXPECT(run(&python, NULL, all_but_q, nothing, &result) == OUTCOME_NO_AGENT, "without one of its directories");
  EXPECT(run(&python, NULL, all_there, nothing, &result) == OUTCOME_SET, "with all of them");
  free(result);
  const struct parameters parameters = {.agents = "/a"};
  char small[64];
  EXPECT(instrumented_environment(nothing, &java, &parameters, all_there, small, 8, &result) == OUTCOME_TOO_LARGE,
         "in no room");
  _Alignas(char *) char half[80];
  EXPECT(instrumented_environment(nothing, &java, &parameters, all_there, half, sizeof half, &result) ==
             OUTCOME_TOO_LARGE, "in too little room");
  char *agents = malloc(RESOLVED_SIZE);
  if (!agents) abort();
  memset(agents, 'x', RESOLVED_SIZE - 1);
  agents[0] = '/';
  agents[RESOLVED_SIZE - 1] = 0;
  const struct parameters far = {.agents = agents};
  char *room = malloc(4 * RESOLVED_SIZE);
  EXPECT(instrumented_environment(nothing, &java, &far, all_there, room, 4 * RESOLVED_SIZE, &result) ==
             OUTCOME_TOO_LARGE, "with a directory that is too long");
  free(room);
  free(agents);
}

static void test_versions(void) {
  static const struct {
    const char *text, *version;
  } cases[] = {
      {"8.2.7", "8.2"},           {"ruby3.1", "3.1"},    {"php82", "8.2"},      {"php-fpm8.2", "8.2"},
      {"libruby-3.1.so.3.1.2", "3.1"}, {"libruby.so.3.2", "3.2"}, {"ruby-3.10.1", "3.10"}, {"php810", "8.10"},
      {"php", NULL},              {"", NULL},            {"php7", NULL},        {"8.", NULL},
      {"20240101", NULL},         {"libphp7.so", NULL},  {"1234567890123.1234567890", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char version[16];
    const bool found = version_in(cases[i].text, version, sizeof version);
    EXPECT(found == (cases[i].version != NULL), "%s", cases[i].text);
    if (found) EXPECT(strcmp(version, same(cases[i].version)) == 0, "%s: %s", cases[i].text, version);
  }
}

static void test_scripts(void) {
  static const struct {
    const char *start, *interpreter;
  } cases[] = {
      {"#!/bin/sh\n", "/bin/sh"},     {"#! \t/usr/bin/python3 -u\n", "/usr/bin/python3"}, {"#!/bin/sh", NULL},
      {"#!\n", NULL},                 {"#!", NULL},                                       {"#", NULL},
      {"", NULL},                     {"\177ELF", NULL},                                  {"echo\n", NULL},
      {"#!/a-name-too-long-for-the-room-that-there-is\n", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char interpreter[32];
    const size_t length = strlen(cases[i].start);
    char *start = malloc(length ? length : 1);  // so that reading on is noticed
    if (!start) abort();
    memcpy(start, cases[i].start, length);
    const bool found = shebang_interpreter(start, length, interpreter, sizeof interpreter);
    EXPECT(found == (cases[i].interpreter != NULL), "%s", cases[i].start);
    if (found) EXPECT(strcmp(interpreter, same(cases[i].interpreter)) == 0, "%s: %s", cases[i].start, interpreter);
    free(start);
  }
}

static void test_languages(void) {
  static const struct {
    const char *language, *name;
    bool is_executable, is_library;
  } cases[] = {
      {"java", "java", true, false},
      {"java", "java17", true, false},
      {"java", "java (deleted)", true, false},
      {"java", "javac", false, false},
      {"java", "libjvm.so", false, true},
      {"java", "", false, false},
      {"python", "python", true, false},
      {"python", "python3.11", true, false},
      {"python", "python3-config", false, false},
      {"python", "libpython3.11.so.1.0", false, true},
      {"python", "libpython2.7.so.1.0", false, false},
      {"javascript", "node", true, false},
      {"javascript", "nodejs", true, false},
      {"javascript", "nodemon", false, false},
      {"php", "php-fpm8.2", true, false},
      {"php", "apache2", true, false},
      {"php", "phpunit", false, false},
      {"ruby", "ruby3.1", true, false},
      {"dotnet", "dotnet", true, false},
      {"python", "bash", false, false},
      {"python", "sh", false, false},
      {"python", "busybox", false, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct distribution distribution = {.name = "x", .language = cases[i].language};
    const struct language *language = language_of(&distribution);
    EXPECT(language, "%s", cases[i].language);
    if (!language) continue;
    EXPECT(language_has_executable(language, cases[i].name) == cases[i].is_executable, "%s", cases[i].name);
    EXPECT(language_has_library(language, cases[i].name) == cases[i].is_library, "%s", cases[i].name);
  }
  const struct distribution unknown = {.name = "x", .language = "go"};
  EXPECT(!language_of(&unknown), "go has no variables");
  for (const struct distribution *known = distributions; known->name; known++) {
    EXPECT(language_of(known), "%s", known->language);
    EXPECT(distribution_named(known->name) == known, "%s", known->name);
  }
  EXPECT(!distribution_named(""), "a distribution without a name");
}

// MARK: when a process starts another

#define LOADER "/a/loader/loader.so"

static void test_changes(void) {
  char *remembered[] = {(char *)"ODIGOS_POD_NAME=p", (char *)"ODIGOS_DISTRO_NAME=d", (char *)"OTEL_SERVICE_NAME=s",
                        NULL};
  static const struct {
    const char *environment[4];
    const char *result[8];  // empty: nothing changes
  } cases[] = {
      {{"A=1"}, {0}},
      {{"LD_PRELOAD=" LOADER, "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}, {0}},
      {{"ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}, {0}},
      {{"LD_PRELOAD=", "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}, {0}},
      {{"LD_PRELOAD= : ", "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}, {0}},
      {{"LD_PRELOAD=/x.so", "A=1"}, {0}},
      {{"LD_PRELOAD=/x.so", "ODIGOS_POD_NAME=p", "A=1"}, {0}},
      {{"LD_PRELOAD=" LOADER, "ODIGOS_POD_NAME=p", "A=1"}, {0}},
      {{"LD_PRELOAD=/x.so", "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"},
       {"LD_PRELOAD=/x.so:" LOADER, "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}},
      {{"LD_PRELOAD=/x.so " LOADER "x", "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"},
       {"LD_PRELOAD=/x.so " LOADER "x:" LOADER, "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}},
      {{"LD_PRELOAD=/x.so " LOADER ":/y.so", "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}, {0}},
      {{"A=1", "LD_PRELOAD=/x.so:" LOADER},
       {"A=1", "LD_PRELOAD=/x.so:" LOADER, "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d", "OTEL_SERVICE_NAME=s"}},
      {{"OTEL_SERVICE_NAME=other", "LD_PRELOAD=" LOADER},
       {"OTEL_SERVICE_NAME=other", "LD_PRELOAD=" LOADER, "ODIGOS_POD_NAME=p", "ODIGOS_DISTRO_NAME=d"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *environment[5] = {0};
    for (size_t k = 0; k < 4 && cases[i].environment[k]; k++) environment[k] = (char *)cases[i].environment[k];
    const struct change change = change_of(environment, LOADER, remembered);
    EXPECT((change.kind != CHANGE_NOTHING) == (cases[i].result[0] != NULL), "case %zu: %d", i, (int)change.kind);
    EXPECT(change_of(environment, LOADER, NULL).kind == CHANGE_NOTHING, "case %zu in a process of others", i);
    if (change.kind == CHANGE_NOTHING) continue;
    void *room = malloc(change.size);
    if (!room) abort();
    char **made = changed_environment(&change, environment, LOADER, remembered, room);
    size_t at = 0;
    for (; made[at]; at++) {
      const char *expected = at < 8 ? cases[i].result[at] : NULL;
      EXPECT(strcmp(made[at], same(expected)) == 0, "case %zu: %s instead of %s", i, made[at], same(expected));
    }
    EXPECT(!cases[i].result[at], "case %zu lacks %s", i, same(cases[i].result[at]));
    EXPECT(change_of(made, LOADER, remembered).kind == CHANGE_NOTHING, "case %zu is changed twice", i);
    free(room);
  }
  EXPECT(change_of(NULL, LOADER, remembered).kind == CHANGE_NOTHING, "no environment at all");
}

static void test_remembering(void) {
  char *environment[] = {(char *)"A=1", (char *)"ODIGOS_POD_NAME=p", (char *)"OTEL_X=", (char *)"NODE_IP=1",
                         (char *)"XODIGOS_Y=1", NULL};
  char *nothing[] = {NULL};
  void *room = malloc(remembered_size(environment));
  if (!room) abort();
  char **found = remembered_variables(environment, room);
  EXPECT(found[0] && strcmp(found[0], "ODIGOS_POD_NAME=p") == 0 && found[0] != environment[1], "%s", same(found[0]));
  EXPECT(found[1] && strcmp(found[1], "OTEL_X=") == 0 && !found[2], "%s", same(found[1]));
  free(room);
  room = malloc(remembered_size(nothing));
  if (!room) abort();
  EXPECT(!*remembered_variables(nothing, room), "something was remembered");
  free(room);
}

// MARK: properties over environments made by chance

static unsigned long state;

static unsigned long chance(unsigned long below) {
  state = state * 6364136223846793005UL + 1442695040888963407UL;
  return (state >> 33) % below;
}

static char *random_entry(void) {
  static const char *const words[] = {
      "PYTHONPATH=", "JAVA_TOOL_OPTIONS=", "LD_PRELOAD=", "ODIGOS_POD_NAME=", "ODIGOS_DISTRO_NAME=", "OTEL_", "=", ":",
      " ", "/a/p", "/a/p/q", "/a/j.jar", LOADER, "/x", "-r", "CORECLR_PROFILER=", "{id}", "",
  };
  char text[512] = "";
  for (unsigned long i = chance(7); i; i--) strcat(text, words[chance(sizeof words / sizeof *words)]);
  char *entry = strdup(text);
  if (!entry) abort();
  return entry;
}

static void test_properties(unsigned long seed) {
  static const struct distribution *const all[] = {&java, &python, &node, &php, &dotnet};
  char *environment[9], **result, **again;
  char *remembered[] = {(char *)"ODIGOS_POD_NAME=p", (char *)"ODIGOS_DISTRO_NAME=d", NULL};
  state = seed;
  const size_t count = chance(9);
  for (size_t i = 0; i < count; i++) environment[i] = random_entry();
  environment[count] = NULL;
  const struct distribution *distribution = all[chance(5)];
  const enum outcome outcome = run(distribution, "8.2", all_there, environment, &result);
  if (outcome == OUTCOME_SET) {
    EXPECT(run(distribution, "8.2", all_there, result, &again) == OUTCOME_ALREADY_SET, "seed %lu: set twice", seed);
    size_t had = 0, has = 0;
    while (result[has]) has++;
    for (; environment[had]; had++) {
      bool is_named = false;
      for (const struct variable *v = distribution->variables; v->name; v++) {
        const char *rest = text_after(environment[had], v->name);
        is_named = is_named || (rest && *rest == '=');
      }
      EXPECT(result[had] == environment[had] || is_named, "seed %lu: another variable changed", seed);
      EXPECT(text_after(result[had], environment[had]), "seed %lu: %s lost something", seed, environment[had]);
    }
    EXPECT(has >= had, "seed %lu: variables are lost", seed);
    free(result);
  }
  const struct change change = change_of(environment, LOADER, remembered);
  if (change.kind != CHANGE_NOTHING) {
    void *room = malloc(change.size);
    if (!room) abort();
    again = changed_environment(&change, environment, LOADER, remembered, room);
    EXPECT(change_of(again, LOADER, remembered).kind == CHANGE_NOTHING, "seed %lu: changed twice", seed);
    for (size_t i = 0; i < count; i++) EXPECT(text_after(again[i], environment[i]), "seed %lu: lost", seed);
    free(room);
  }
  for (size_t i = 0; i < count; i++) free(environment[i]);
}

int main(void) {
  test_values();
  test_the_first_of_several_counts();
  test_variables_that_an_agent_needs_for_itself();
  test_what_keeps_an_agent_away();
  test_versions();
  test_scripts();
  test_languages();
  test_changes();
  test_remembering();
  for (unsigned long seed = 1; seed <= 200000; seed++) test_properties(seed);
  if (failures) fprintf(stderr, "%d failures\n", failures);
  return failures ? 1 : 0;
}
