#define _GNU_SOURCE
#include "symbols.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>

#include "text.h"

// What the dynamic section of a library says about its symbols; NULL: nothing.
struct symbols {
  const ElfW(Sym) *table;
  const char *names;
  const uint32_t *gnu_hash;
  const uint32_t *hash;
  const ElfW(Half) *versions;
};

static const void *address_of(const struct dl_phdr_info *library, ElfW(Addr) value) {
  // glibc has made most addresses absolute, musl and the kernel's own library have not
  return (const void *)(value < library->dlpi_addr ? library->dlpi_addr + value : value);
}

static struct symbols symbols_of(const struct dl_phdr_info *library) {
  struct symbols symbols = {0};
  for (size_t i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &library->dlpi_phdr[i];
    if (header->p_type != PT_DYNAMIC) continue;
    const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(library->dlpi_addr + header->p_vaddr);
    for (; entry->d_tag != DT_NULL; entry++) {
      const void *address = address_of(library, entry->d_un.d_ptr);
      switch (entry->d_tag) {
        case DT_SYMTAB: symbols.table = address; break;
        case DT_STRTAB: symbols.names = address; break;
        case DT_GNU_HASH: symbols.gnu_hash = address; break;
        case DT_HASH: symbols.hash = address; break;
        case DT_VERSYM: symbols.versions = address; break;
      }
    }
  }
  return symbols;
}

static bool is_function(const struct symbols *symbols, uint32_t index, const char *name) {
  const uint16_t hidden = 0x8000;  // an old version, for programs that were linked with it
  const ElfW(Sym) *symbol = &symbols->table[index];
  return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
         (!symbols->versions || !(symbols->versions[index] & hidden)) &&
         text_equal(symbols->names + symbol->st_name, name);
}

// by_gnu_hash follows the layout of binutils' .gnu.hash: four numbers, a Bloom filter, buckets, chains.
static const ElfW(Sym) *by_gnu_hash(const struct symbols *symbols, const char *name) {
  uint32_t hash = 5381;
  for (const char *c = name; *c; c++) hash = hash * 33 + (unsigned char)*c;
  const uint32_t buckets = symbols->gnu_hash[0], first = symbols->gnu_hash[1], words = symbols->gnu_hash[2];
  const ElfW(Addr) *filter = (const ElfW(Addr) *)(symbols->gnu_hash + 4);
  const uint32_t *bucket = (const uint32_t *)(filter + words), *chain = bucket + buckets;
  const uint32_t bits = 8 * sizeof *filter;
  if (!buckets || !words) return NULL;
  const ElfW(Addr) word = filter[hash / bits % words];
  if (!(word >> hash % bits & 1) || !(word >> (hash >> symbols->gnu_hash[3]) % bits & 1)) return NULL;
  uint32_t index = bucket[hash % buckets];
  if (index < first) return NULL;
  for (;; index++) {
    const uint32_t found = chain[index - first];
    if ((found | 1) == (hash | 1) && is_function(symbols, index, name)) return &symbols->table[index];
    if (found & 1) return NULL;
  }
}

// by_hash follows the layout of the System V ABI's .hash: two numbers, buckets, chains.
static const ElfW(Sym) *by_hash(const struct symbols *symbols, const char *name) {
  uint32_t hash = 0;
  for (const char *c = name; *c; c++) {
    hash = (hash << 4) + (unsigned char)*c;
    hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
  }
  const uint32_t buckets = symbols->hash[0];
  const uint32_t *bucket = symbols->hash + 2, *chain = bucket + buckets;
  if (!buckets) return NULL;
  for (uint32_t index = bucket[hash % buckets]; index; index = chain[index]) {
    if (is_function(symbols, index, name)) return &symbols->table[index];
  }
  return NULL;
}

struct search {
  const void *own;
  const char *path;
  struct wanted *wanted;
  size_t count;
};

static bool contains(const struct dl_phdr_info *library, const void *address) {
  for (size_t i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &library->dlpi_phdr[i];
    const ElfW(Addr) offset = (ElfW(Addr))address - library->dlpi_addr - header->p_vaddr;
    if (header->p_type == PT_LOAD && offset < header->p_memsz) return true;
  }
  return false;
}

static int visit(struct dl_phdr_info *library, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  if (!search->path) {
    if (contains(library, search->own)) search->path = library->dlpi_name;
    return 0;
  }
  const struct symbols symbols = symbols_of(library);
  if (!symbols.table || !symbols.names || (!symbols.gnu_hash && !symbols.hash)) return 0;
  bool is_complete = true;
  for (size_t i = 0; i < search->count; i++) {
    struct wanted *wanted = &search->wanted[i];
    if (wanted->address) continue;
    const ElfW(Sym) *found = symbols.gnu_hash ? by_gnu_hash(&symbols, wanted->name) : by_hash(&symbols, wanted->name);
    if (found) wanted->address = (void *)(library->dlpi_addr + found->st_value);
    is_complete = is_complete && found;
  }
  return is_complete;
}

const char *symbols_find(const void *own, struct wanted *wanted, size_t count) {
  struct search search = {.own = own, .wanted = wanted, .count = count};
  dl_iterate_phdr(visit, &search);
  return search.path;
}

struct library_search {
  const struct language *language;
  const char *path;
};

static int visit_library(struct dl_phdr_info *library, size_t size, void *data) {
  (void)size;
  struct library_search *search = data;
  if (!library->dlpi_name || !language_has_library(search->language, text_base_name(library->dlpi_name))) return 0;
  search->path = library->dlpi_name;
  return 1;
}

const char *symbols_library(const struct language *language) {
  struct library_search search = {.language = language};
  if (language->library) dl_iterate_phdr(visit_library, &search);
  return search.path;
}
