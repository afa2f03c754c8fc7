// Texts without the C library: the loader may use none of its functions that another preloaded library could replace.
#ifndef ODIGOS_LOADER_TEXT_H
#define ODIGOS_LOADER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

static inline size_t text_length(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

static inline bool text_equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

// text_after returns what follows a beginning; NULL when the text does not begin so.
static inline const char *text_after(const char *text, const char *beginning) {
  while (*beginning) {
    if (*text++ != *beginning++) return NULL;
  }
  return text;
}

// text_find returns where a part begins for the first time; NULL when it does not occur or is empty.
static inline const char *text_find(const char *text, const char *part) {
  if (!*part) return NULL;
  for (; *text; text++) {
    if (text_after(text, part)) return text;
  }
  return NULL;
}

static inline const char *text_base_name(const char *path) {
  const char *name = path;
  for (; *path; path++) {
    if (*path == '/') name = path + 1;
  }
  return name;
}

static inline bool text_is_digit(char character) { return character >= '0' && character <= '9'; }

// A buffer that text is written to; what does not fit is not written at all.
struct writer {
  char *next;
  // behind the last byte
  char *end;
  // something did not fit
  bool is_full;
};

static inline struct writer writer_for(char *bytes, size_t size) {
  return (struct writer){.next = bytes, .end = bytes + size, .is_full = false};
}

static inline void write_bytes(struct writer *writer, const char *bytes, size_t size) {
  if (writer->is_full || size > (size_t)(writer->end - writer->next)) {
    writer->is_full = true;
    return;
  }
  for (size_t i = 0; i < size; i++) *writer->next++ = bytes[i];
}

static inline void write_text(struct writer *writer, const char *text) {
  write_bytes(writer, text, text_length(text));
}

static inline void write_number(struct writer *writer, unsigned long number) {
  char digits[24];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while (number /= 10);
  write_bytes(writer, digits + at, sizeof digits - at);
}

// write_end terminates the text; false when not everything did fit.
static inline bool write_end(struct writer *writer) {
  write_bytes(writer, "", 1);
  return !writer->is_full;
}

#endif
