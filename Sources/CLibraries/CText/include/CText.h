/// What is quicker in vectors than byte by byte: to find what a JSON parser wants to know of its text before it reads it,
/// and base 64. With the widest registers that the machine has.
#ifndef CTEXT_H
#define CTEXT_H
#include <stddef.h>
#include <stdint.h>

/// How much text one call of `ctext_find_marks` looks at, at most; a multiple of 64.
#define CTEXT_CHUNK 2048

/// Where an index of a text stands. All zero before the first chunk.
typedef struct {
  /// All ones when a string goes on in the next chunk.
  uint64_t in_string;
  /// 1 when the next chunk begins with a byte that a backslash escapes.
  uint64_t escaped;
  /// Not 0 once there was a byte that is not ASCII.
  uint64_t high;
} ctext_state;

/// Notes the marks of the text from `start`, where the last call ended, to `start` + CTEXT_CHUNK or `end`: quotes that
/// are not escaped, and between two of these the backslashes that begin an escape sequence and the control characters.
///
/// Reads nothing beyond `end`. `marks` has room for CTEXT_CHUNK + 16 offsets; returns how many there are.
size_t ctext_find_marks(ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks);

/// The same without the instructions that not every machine has; for comparing the two.
size_t ctext_find_marks_anywhere(ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks);

/// Writes the base 64 of the first bytes of `bytes`, as far as the machine does that in vectors; returns how many bytes
/// that were, a multiple of 3, for each three of which there are four characters in `target`.
size_t ctext_base64(const uint8_t *bytes, size_t count, uint8_t *target);
#endif
