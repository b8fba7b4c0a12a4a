// The kernels, compiled once for each instruction set: NAMED gives each its suffix.
#include "CQuantize.h"
#include <math.h>
#include <string.h>
#ifdef CONVERTS_HALF
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

enum { MAGNITUDE = 0x7FFFFFFF, INFINITE = 0x7F800000, USUAL_NAN = 0x7FC00000 };

static inline uint32_t NAMED(bits_of)(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

static inline float NAMED(float_of)(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

// To nearest, halves to even; too large becomes infinite; of a NaN the upper bits stay, as numpy does it.
static inline uint16_t NAMED(half_of)(float x) {
  uint32_t bits = NAMED(bits_of)(x), sign = bits >> 16 & 0x8000, magnitude = bits & MAGNITUDE;
  // Normal: the exponent's bias changes by 112, and 13 bits go.
  uint32_t normal = (magnitude + 0xC8000FFFu + (magnitude >> 13 & 1)) >> 13;
  // Subnormal: adding a half makes the processor shift and round.
  uint32_t subnormal = NAMED(bits_of)(NAMED(float_of)(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t payload = magnitude >> 13 & 0x3FF;
  uint32_t special = magnitude > INFINITE ? 0x7C00 | (payload == 0 ? 1 : payload) : 0x7C00;
  uint32_t half = magnitude < 0x38800000u ? subnormal : magnitude < 0x477FF000u ? normal : special;
  return (uint16_t)(sign | half);
}

static inline float NAMED(float_of_half)(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7FFF;
  uint32_t normal = (magnitude << 13) + 0x38000000u;
  uint32_t subnormal = NAMED(bits_of)((float)magnitude * 0x1p-24f);
  uint32_t special = (magnitude << 13) + 0x70000000u;
  return NAMED(float_of)(sign | (magnitude < 0x400 ? subnormal : magnitude < 0x7C00 ? normal : special));
}

static inline uint16_t NAMED(bfloat_of)(float x) {
  uint32_t bits = NAMED(bits_of)(x);
  uint32_t even = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return (uint16_t)((bits & MAGNITUDE) > INFINITE ? bits >> 16 | 64 : even);
}

static inline void NAMED(put_half)(uint8_t *out, float x) {
  uint16_t half = NAMED(half_of)(x);
  out[0] = (uint8_t)half;
  out[1] = (uint8_t)(half >> 8);
}

// MARK: Elements to floats

static inline float NAMED(float_of_e4m3)(uint8_t byte) {
  uint32_t magnitude = byte & 0x7F, sign = (uint32_t)(byte & 0x80) << 24;
  uint32_t bits = magnitude >= 8 ? (magnitude << 20) + 0x3C000000u : NAMED(bits_of)((float)magnitude * 0x1p-9f);
  return NAMED(float_of)(sign | (magnitude == 0x7F ? 0x7FF00000u : bits));
}

void NAMED(tantra_to_floats)(enum tantra_element element, const void *source, size_t count, float *floats) {
  const uint8_t *bytes = source;
  switch (element) {
  case TANTRA_ELEMENT_F32: memcpy(floats, source, count * 4); break;
  case TANTRA_ELEMENT_F16: {
    size_t i = 0;
#ifdef CONVERTS_HALF
    for (; i + 8 <= count; i += 8) {
      _mm256_storeu_ps(floats + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(bytes + 2 * i))));
    }
#endif
    for (; i < count; i++) {
      uint16_t half;
      memcpy(&half, bytes + 2 * i, 2);
      floats[i] = NAMED(float_of_half)(half);
    }
    break;
  }
  case TANTRA_ELEMENT_BF16:
    for (size_t i = 0; i < count; i++) {
      uint16_t half;
      memcpy(&half, bytes + 2 * i, 2);
      floats[i] = NAMED(float_of)((uint32_t)half << 16);
    }
    break;
  case TANTRA_ELEMENT_F64:
    for (size_t i = 0; i < count; i++) {
      double x;
      memcpy(&x, bytes + 8 * i, 8);
      floats[i] = (float)x;
    }
    break;
  case TANTRA_ELEMENT_F8_E4M3FN:
    for (size_t i = 0; i < count; i++) floats[i] = NAMED(float_of_e4m3)(bytes[i]);
    break;
  case TANTRA_ELEMENT_F8_E5M2:
    for (size_t i = 0; i < count; i++) floats[i] = NAMED(float_of_half)((uint16_t)(bytes[i] << 8));
    break;
  }
}

void NAMED(tantra_from_floats)(enum tantra_element element, const float *floats, size_t count, uint8_t *out) {
  size_t i = 0;
  switch (element) {
  case TANTRA_ELEMENT_F16:
#ifdef CONVERTS_HALF
    for (; i + 8 <= count; i += 8) {
      __m256 x = _mm256_loadu_ps(floats + i);
      // The processor makes a NaN quiet, which this does not.
      if (_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0) {
        for (int j = 0; j < 8; j++) {
          uint16_t half = NAMED(half_of)(floats[i + j]);
          memcpy(out + 2 * (i + j), &half, 2);
        }
        continue;
      }
      _mm_storeu_si128((__m128i *)(out + 2 * i), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
    }
#endif
    for (; i < count; i++) {
      uint16_t half = NAMED(half_of)(floats[i]);
      memcpy(out + 2 * i, &half, 2);
    }
    break;
  case TANTRA_ELEMENT_BF16:
    for (; i < count; i++) {
      uint16_t half = NAMED(bfloat_of)(floats[i]);
      memcpy(out + 2 * i, &half, 2);
    }
    break;
  default: memcpy(out, floats, count * 4);
  }
}

// MARK: Blocks of GGUF

// Of a block with a NaN it is the usual NaN: as bits, those are greater than all numbers.
static inline uint32_t NAMED(greatest_magnitude)(const float *x, size_t count) {
  uint32_t greatest = 0;
  for (size_t j = 0; j < count; j++) {
    uint32_t bits = NAMED(bits_of)(x[j]) & MAGNITUDE;
    greatest = bits > greatest ? bits : greatest;
  }
  return greatest > INFINITE ? USUAL_NAN : greatest;
}

static inline float NAMED(inverse)(float d) { return d == 0 ? 0 : 1 / d; }

static void NAMED(encode_q8_0)(const float *x, size_t blocks, uint8_t *out) {
  for (; blocks > 0; blocks--, x += 32, out += 34) {
    float d = NAMED(float_of)(NAMED(greatest_magnitude)(x, 32)) / 127;
    float id = NAMED(inverse)(d);
    NAMED(put_half)(out, d);
    for (int j = 0; j < 32; j++) {
      float v = x[j] * id;
      // To nearest, halves away from zero: the summand is the number before one half.
      float moved = v + copysignf(0x1.fffffep-2f, v);
      out[2 + j] = (uint8_t)(int8_t)(int)(fabsf(v) < 128 ? moved : 0);
    }
  }
}

// The first element of the greatest magnitude, with its sign, or the first NaN; 0.0 where all is zero.
static inline float NAMED(extreme)(const float *x) {
  uint32_t greatest = NAMED(greatest_magnitude)(x, 32);
  if (greatest == 0) return 0;
  uint32_t first = 31;
  for (uint32_t j = 0; j < 32; j++) {
    uint32_t bits = NAMED(bits_of)(x[j]) & MAGNITUDE;
    uint32_t here = (bits > INFINITE ? USUAL_NAN : bits) == greatest ? j : 31;
    first = here < first ? here : first;
  }
  return x[first];
}

static inline uint8_t NAMED(level)(float v, int greatest) {
  // What is not finite becomes 0.
  int q = (int)(fabsf(v) < 128 ? v : 0);
  return (uint8_t)(q < greatest ? q : greatest);
}

static void NAMED(encode_q4_0)(const float *x, size_t blocks, uint8_t *out) {
  for (; blocks > 0; blocks--, x += 32, out += 18) {
    float d = NAMED(extreme)(x) / -8, id = NAMED(inverse)(d);
    NAMED(put_half)(out, d);
    for (int j = 0; j < 16; j++) {
      uint8_t low = NAMED(level)(x[j] * id + 8.5f, 15), high = NAMED(level)(x[j + 16] * id + 8.5f, 15);
      out[2 + j] = (uint8_t)(low | high << 4);
    }
  }
}

static void NAMED(encode_q4_1)(const float *x, size_t blocks, uint8_t *out) {
  for (; blocks > 0; blocks--, x += 32, out += 20) {
    float least = x[0], most = x[0];
    for (int j = 1; j < 32; j++) {
      least = x[j] < least ? x[j] : least;
      most = x[j] > most ? x[j] : most;
    }
    // Comparisons pass over a NaN; here it shows.
    if (NAMED(greatest_magnitude)(x, 32) > INFINITE) least = most = NAMED(float_of)(USUAL_NAN);
    float d = (most - least) / 15, id = NAMED(inverse)(d);
    NAMED(put_half)(out, d);
    NAMED(put_half)(out + 2, least);
    for (int j = 0; j < 16; j++) {
      uint8_t low = NAMED(level)((x[j] - least) * id + 0.5f, 15);
      uint8_t high = NAMED(level)((x[j + 16] - least) * id + 0.5f, 15);
      out[4 + j] = (uint8_t)(low | high << 4);
    }
  }
}

static void NAMED(encode_q5_0)(const float *x, size_t blocks, uint8_t *out) {
  for (; blocks > 0; blocks--, x += 32, out += 22) {
    float d = NAMED(extreme)(x) / -16, id = NAMED(inverse)(d);
    NAMED(put_half)(out, d);
    uint8_t levels[32];
    uint32_t fifth = 0;
    for (int j = 0; j < 32; j++) levels[j] = NAMED(level)(x[j] * id + 16.5f, 31);
    for (int j = 0; j < 32; j++) fifth |= (uint32_t)(levels[j] >> 4) << j;
    memcpy(out + 2, &fifth, 4);
    for (int j = 0; j < 16; j++) out[6 + j] = (uint8_t)((levels[j] & 15) | (levels[j + 16] & 15) << 4);
  }
}

void NAMED(tantra_encode)(enum tantra_block block, const float *floats, size_t blocks, uint8_t *out) {
  switch (block) {
  case TANTRA_BLOCK_F32: NAMED(tantra_from_floats)(TANTRA_ELEMENT_F32, floats, blocks, out); break;
  case TANTRA_BLOCK_F16: NAMED(tantra_from_floats)(TANTRA_ELEMENT_F16, floats, blocks, out); break;
  case TANTRA_BLOCK_BF16: NAMED(tantra_from_floats)(TANTRA_ELEMENT_BF16, floats, blocks, out); break;
  case TANTRA_BLOCK_Q4_0: NAMED(encode_q4_0)(floats, blocks, out); break;
  case TANTRA_BLOCK_Q4_1: NAMED(encode_q4_1)(floats, blocks, out); break;
  case TANTRA_BLOCK_Q5_0: NAMED(encode_q5_0)(floats, blocks, out); break;
  case TANTRA_BLOCK_Q8_0: NAMED(encode_q8_0)(floats, blocks, out); break;
  }
}

// MARK: Integers of rows

static inline float NAMED(rounded)(float x, enum tantra_element element) {
  switch (element) {
  case TANTRA_ELEMENT_F16: return NAMED(float_of_half)(NAMED(half_of)(x));
  case TANTRA_ELEMENT_BF16: return NAMED(float_of)((uint32_t)NAMED(bfloat_of)(x) << 16);
  default: return x;
  }
}

void NAMED(tantra_row_scales)(
    const float *rows, size_t count, size_t width, int bits, enum tantra_element element, float *scales) {
  float half_of_steps = bits == 8 ? 127.5f : 7.5f;
  float epsilon =
      element == TANTRA_ELEMENT_F16 ? 0x1p-10f : element == TANTRA_ELEMENT_BF16 ? 0x1p-7f : 0x1p-23f;
  for (size_t i = 0; i < count; i++, rows += width) {
    float greatest = NAMED(float_of)(NAMED(greatest_magnitude)(rows, width));
    float scale = NAMED(rounded)(greatest / half_of_steps, element);
    scales[i] = scale == 0 ? epsilon : scale;
  }
}

#define ROW_INTEGERS(ROUND)                                                     \
  for (size_t i = 0; i < count; i++, rows += width, out += width) {             \
    float scale = scales[i];                                                    \
    for (size_t j = 0; j < width; j++) {                                        \
      float v = rows[j] / scale;                                                \
      v = ROUND;                                                                \
      v = v == v ? v : 0;                                                       \
      v = v > most ? most : v < least ? least : v;                              \
      /* Adding 1.5 * 2^23 leaves no place for a fraction. */                   \
      out[j] = (int8_t)(int)((v + 0x1.8p23f) - 0x1.8p23f);                      \
    }                                                                           \
  }

void NAMED(tantra_row_integers)(
    const float *rows, size_t count, size_t width, int bits, enum tantra_element element, const float *scales,
    int8_t *out) {
  float least = bits == 8 ? -128 : -8, most = bits == 8 ? 127 : 7;
  switch (element) {
  case TANTRA_ELEMENT_F16: ROW_INTEGERS(NAMED(float_of_half)(NAMED(half_of)(v))) break;
  case TANTRA_ELEMENT_BF16: ROW_INTEGERS(NAMED(float_of)((uint32_t)NAMED(bfloat_of)(v) << 16)) break;
  default: ROW_INTEGERS(v)
  }
}

// MARK: 4-bit normal floats

void NAMED(tantra_nf4_maxima)(const float *floats, size_t blocks, float *out) {
  for (size_t i = 0; i < blocks; i++) out[i] = NAMED(float_of)(NAMED(greatest_magnitude)(floats + 64 * i, 64));
}

void NAMED(tantra_nf4_indices)(const float *floats, size_t blocks, uint8_t *out) {
  // The table of bitsandbytes, and the middles between its neighbours.
  static const float table[16] = {
      -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
      -0.18477343022823334f, -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f,
      0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1};
  float middles[15];
  for (int k = 0; k < 15; k++) middles[k] = (table[k + 1] + table[k]) / 2;
  for (; blocks > 0; blocks--, floats += 64, out += 32) {
    float d = NAMED(float_of)(NAMED(greatest_magnitude)(floats, 64));
    float id = d > 0 ? 1 / d : 0;
    uint8_t indices[64];
    for (int j = 0; j < 64; j++) {
      float v = d > 0 ? floats[j] * id : 0;
      uint32_t index = 0;
      for (int k = 0; k < 15; k++) index += !(v <= middles[k]);
      indices[j] = (uint8_t)index;
    }
    for (int j = 0; j < 32; j++) out[j] = (uint8_t)(indices[2 * j] << 4 | indices[2 * j + 1]);
  }
}
