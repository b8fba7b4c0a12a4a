// Chooses the widest kernels that the processor has.
#include "CQuantize.h"
#include <math.h>

#pragma STDC FP_CONTRACT OFF

#define DECLARE(set)                                                                                          \
  void tantra_to_floats_##set(enum tantra_element, const void *, size_t, float *);                                \
  void tantra_from_floats_##set(enum tantra_element, const float *, size_t, uint8_t *);                            \
  void tantra_encode_##set(enum tantra_block, const float *, size_t, uint8_t *);                              \
  void tantra_row_scales_##set(const float *, size_t, size_t, int, enum tantra_element, float *);             \
  void tantra_row_integers_##set(                                                                             \
      const float *, size_t, size_t, int, enum tantra_element, const float *, int8_t *);                      \
  void tantra_nf4_maxima_##set(const float *, size_t, float *);                                               \
  void tantra_nf4_indices_##set(const float *, size_t, uint8_t *);

DECLARE(baseline)

#if defined(__x86_64__)
DECLARE(avx2)
static int is_wide(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c"); }
#define CHOOSE(name, ...)       \
  do {                          \
    if (is_wide()) {            \
      name##_avx2(__VA_ARGS__); \
      return;                   \
    }                           \
    name##_baseline(__VA_ARGS__); \
  } while (0)
#else
#define CHOOSE(name, ...) name##_baseline(__VA_ARGS__)
#endif

void tantra_to_floats(enum tantra_element element, const void *source, size_t count, float *floats) {
  CHOOSE(tantra_to_floats, element, source, count, floats);
}

void tantra_from_floats(enum tantra_element element, const float *floats, size_t count, uint8_t *out) {
  CHOOSE(tantra_from_floats, element, floats, count, out);
}

void tantra_encode(enum tantra_block block, const float *floats, size_t blocks, uint8_t *out) {
  CHOOSE(tantra_encode, block, floats, blocks, out);
}

void tantra_row_scales(
    const float *rows, size_t count, size_t width, int bits, enum tantra_element element, float *scales) {
  CHOOSE(tantra_row_scales, rows, count, width, bits, element, scales);
}

void tantra_row_integers(
    const float *rows, size_t count, size_t width, int bits, enum tantra_element element, const float *scales,
    int8_t *out) {
  CHOOSE(tantra_row_integers, rows, count, width, bits, element, scales, out);
}

void tantra_nf4_maxima(const float *floats, size_t blocks, float *out) {
  CHOOSE(tantra_nf4_maxima, floats, blocks, out);
}

void tantra_nf4_indices(const float *floats, size_t blocks, uint8_t *out) {
  CHOOSE(tantra_nf4_indices, floats, blocks, out);
}

void tantra_negative_exponential(const float *floats, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = (float)-exp((double)floats[i]);
}
