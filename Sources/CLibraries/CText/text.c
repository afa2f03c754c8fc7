#include "CText.h"

#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef uint8_t block_bytes __attribute__((ext_vector_type(64)));
typedef bool block_bits __attribute__((ext_vector_type(64)));

// Which bytes of a block fulfil a condition, the first one in the lowest bit. A macro, because how vectors are passed to
// functions depends on the machine.
#define BITS(condition)                                                        \
  ({                                                                           \
    const block_bits bits_ = __builtin_convertvector((condition), block_bits); \
    uint64_t word_;                                                            \
    memcpy(&word_, &bits_, sizeof word_);                                      \
    word_;                                                                     \
  })

// Writes the offsets of a block's marks and returns how many there are. What is written behind those is overwritten.
typedef size_t noter(uint64_t bits, uint32_t offset, uint32_t *marks);

ALWAYS_INLINE size_t note(uint64_t bits, uint32_t offset, uint32_t *marks) {
  const size_t count = (size_t)__builtin_popcountll(bits);
  // Eight at once without asking whether there are so many.
  for (size_t noted = 0; noted < count; noted += 8)
    for (size_t i = 0; i < 8; i++) {
      marks[noted + i] = offset + (bits ? (uint32_t)__builtin_ctzll(bits) : 64);
      bits &= bits - 1;
      // Keeps the compiler from doing this in vectors, which takes three times as long.
      __asm__("" : "+r"(bits));
    }
  return count;
}

// Of the bits of a word each becomes the exclusive or of all up to it: ones from each opening quote to before its
// closing one.
ALWAYS_INLINE uint64_t between(uint64_t quotes) {
  for (int distance = 1; distance < 64; distance *= 2) quotes ^= quotes << distance;
  return quotes;
}

// The backslashes that begin an escape sequence: in a row of them the first, the third and so on. Adding and
// subtracting carries through a row and comes out behind it, at an even or an odd place.
ALWAYS_INLINE uint64_t escapes(uint64_t backslashes, uint64_t *escaped) {
  const uint64_t odd = 0xaaaaaaaaaaaaaaaa, before = *escaped;
  const uint64_t candidates = backslashes & ~before;
  const uint64_t ends = (((candidates << 1) | odd) - candidates) ^ odd;
  *escaped = ends ^ (backslashes | before);
  return ends & backslashes;
}

ALWAYS_INLINE size_t find_marks_in_block(
    ctext_state *state, const uint8_t *bytes, uint32_t offset, uint32_t *marks, noter *note) {
  block_bytes block;
  memcpy(&block, bytes, sizeof block);
  uint64_t quotes = BITS(block == '"');
  const uint64_t backslashes = BITS(block == '\\');
  const uint64_t controls = BITS(block < 0x20);
  state->high |= BITS(block >= 0x80);
  uint64_t starts = 0, escaped = state->escaped;
  if (backslashes | escaped) {
    starts = escapes(backslashes, &escaped);
    quotes &= ~escaped;
    state->escaped = starts >> 63;
  }
  const uint64_t inside = between(quotes) ^ state->in_string;
  state->in_string = (uint64_t)((int64_t)inside >> 63);
  return note(quotes | ((starts | controls) & inside), offset, marks);
}

ALWAYS_INLINE size_t find_marks(
    ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks, noter *note) {
  ctext_state now = *state;
  size_t count = 0;
  if (end - start > CTEXT_CHUNK) end = start + CTEXT_CHUNK;
  for (; end - start >= 64; start += 64)
    count += find_marks_in_block(&now, text + start, (uint32_t)start, marks + count, note);
  if (start < end) {
    uint8_t rest[64];
    memset(rest, ' ', sizeof rest);
    memcpy(rest, text + start, end - start);
    count += find_marks_in_block(&now, rest, (uint32_t)start, marks + count, note);
  }
  *state = now;
  return count;
}

typedef size_t finder(ctext_state *, const uint8_t *, size_t, size_t, uint32_t *);

size_t ctext_find_marks_anywhere(ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks) {
  return find_marks(state, text, start, end, marks, note);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx2,bmi,bmi2,popcnt,lzcnt")))

AVX2 static size_t find_marks_avx2(
    ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks) {
  return find_marks(state, text, start, end, marks, note);
}

// Writes 16 offsets with each quarter, which is why the memory has room for as many more.
AVX512 ALWAYS_INLINE size_t note_avx512(uint64_t bits, uint32_t offset, uint32_t *marks) {
  __m512i places = _mm512_add_epi32(
      _mm512_set1_epi32((int)offset), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  size_t count = 0;
  for (int quarter = 0; quarter < 4; quarter++, bits >>= 16) {
    const __mmask16 wanted = (__mmask16)bits;
    _mm512_storeu_si512(marks + count, _mm512_maskz_compress_epi32(wanted, places));
    count += (size_t)__builtin_popcount(wanted);
    places = _mm512_add_epi32(places, _mm512_set1_epi32(16));
  }
  return count;
}

AVX512 static size_t find_marks_avx512(
    ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks) {
  return find_marks(state, text, start, end, marks, note_avx512);
}

static finder *choose(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx2")) {
    const int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl");
    return wide ? find_marks_avx512 : find_marks_avx2;
  }
  return ctext_find_marks_anywhere;
}
#else
static finder *choose(void) { return ctext_find_marks_anywhere; }
#endif

size_t ctext_find_marks(ctext_state *state, const uint8_t *text, size_t start, size_t end, uint32_t *marks) {
  // Threads that come here at once choose the same.
  static finder *chosen;
  finder *find = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
  if (!find) {
    find = choose();
    __atomic_store_n(&chosen, find, __ATOMIC_RELAXED);
  }
  return find(state, text, start, end, marks);
}

#if defined(__x86_64__)
// 24 bytes become 32 characters.
AVX2 static size_t base64_avx2(const uint8_t *bytes, size_t count, uint8_t *target) {
  // Each three bytes, as the second, the first, the third and the second one, in four.
  const __m256i spread = _mm256_setr_epi8(
      1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  // What to add to a number of six bits, by the range that it is in.
  const __m256i shifts = _mm256_setr_epi8(
      'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
      '+' - 62, '/' - 63, 'A', 0, 0, 'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
      '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  size_t done = 0;
  // Two times 16 bytes are read, of which 12 are used.
  for (; count - done >= 28; done += 24, target += 32) {
    const __m256i block = _mm256_shuffle_epi8(
        _mm256_set_m128i(
            _mm_loadu_si128((const __m128i *)(bytes + done + 12)), _mm_loadu_si128((const __m128i *)(bytes + done))),
        spread);
    // The first and third number of six bits by a shift to the right, the others by one to the left.
    const __m256i right = _mm256_mulhi_epu16(
        _mm256_and_si256(block, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
    const __m256i left = _mm256_mullo_epi16(
        _mm256_and_si256(block, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
    const __m256i numbers = _mm256_or_si256(right, left);
    // 0 for a-z, 1 to 10 for digits, 11 and 12 for + and /, 13 for A-Z.
    const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), numbers);
    const __m256i range = _mm256_or_si256(
        _mm256_subs_epu8(numbers, _mm256_set1_epi8(51)), _mm256_and_si256(upper, _mm256_set1_epi8(13)));
    _mm256_storeu_si256(
        (__m256i *)target, _mm256_add_epi8(numbers, _mm256_shuffle_epi8(shifts, range)));
  }
  return done;
}

size_t ctext_base64(const uint8_t *bytes, size_t count, uint8_t *target) {
  if (count < 28 || !__builtin_cpu_supports("avx2")) return 0;
  return base64_avx2(bytes, count, target);
}
#else
size_t ctext_base64(const uint8_t *bytes, size_t count, uint8_t *target) {
  (void)bytes, (void)count, (void)target;
  return 0;
}
#endif
