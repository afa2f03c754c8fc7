#include "distribution.h"

#include "text.h"

// The names are those by which the node agent recognises runtimes (Sources/Adapters/ProcessInspection); Apache's are
// PHP's too, because the distribution says that the container's language is PHP.
const struct language languages[] = {
    {.name = "java", .executables = {"java"}, .library = "libjvm.so"},
    {.name = "javascript", .executables = {"node", "nodejs", "npm", "npx", "yarn"}},
    {.name = "python", .executables = {"python"}, .library = "libpython3"},
    {.name = "dotnet", .executables = {"dotnet"}, .library = "libcoreclr.so", .companion = ".dll"},
    {.name = "php",
     .executables = {"php", "php-fpm", "php-cgi", "php-cli", "apache", "httpd"},
     .library = "libphp",
     .version_variable = "PHP_VERSION"},
    {.name = "ruby",
     .executables = {"ruby", "rails", "rake", "rackup", "puma", "unicorn", "gem", "bundle", "bundler", "irb", "pry"},
     .library = "libruby",
     .version_variable = "RUBY_VERSION"},
    {.name = NULL},
};

const struct distribution *distribution_named(const char *name) {
  for (const struct distribution *found = distributions; found->name; found++) {
    if (text_equal(found->name, name)) return found;
  }
  return NULL;
}

const struct language *language_of(const struct distribution *distribution) {
  for (const struct language *found = languages; found->name; found++) {
    if (text_equal(found->name, distribution->language)) return found;
  }
  return NULL;
}

bool language_has_executable(const struct language *language, const char *name) {
  for (const char *const *executable = language->executables; *executable; executable++) {
    const char *rest = text_after(name, *executable);
    if (!rest) continue;
    while (text_is_digit(*rest) || *rest == '.') rest++;
    // the kernel's mark of an executable that was replaced since
    if (!*rest || text_equal(rest, " (deleted)")) return true;
  }
  return false;
}

bool language_has_library(const struct language *language, const char *name) {
  return language->library && text_after(name, language->library);
}
