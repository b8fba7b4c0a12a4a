// Floats to the blocks of GGUF, and to the integers of quantized safetensors.
//
// Arithmetic is IEEE binary32, each operation rounded by itself: no multiplication is fused with an addition, and nothing is estimated.
// So bytes are the same on every processor. Compiled for several instruction sets; the widest that the processor has is chosen at
// the first call.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Element types of a source, and of the scales of rows.
enum tantra_element {
  TANTRA_ELEMENT_F32 = 0,
  TANTRA_ELEMENT_F16,
  TANTRA_ELEMENT_BF16,
  TANTRA_ELEMENT_F64,
  TANTRA_ELEMENT_F8_E4M3FN,
  TANTRA_ELEMENT_F8_E5M2,
};

/// Block types of GGUF, by ggml's numbers.
enum tantra_block {
  TANTRA_BLOCK_F32 = 0,
  TANTRA_BLOCK_F16 = 1,
  TANTRA_BLOCK_Q4_0 = 2,
  TANTRA_BLOCK_Q4_1 = 3,
  TANTRA_BLOCK_Q5_0 = 6,
  TANTRA_BLOCK_Q8_0 = 8,
  TANTRA_BLOCK_BF16 = 30,
};

/// Elements to floats: exact, but for F64, which is rounded to nearest. `source` need not be aligned.
void tantra_to_floats(enum tantra_element element, const void *source, size_t count, float *floats);

/// Floats to whole blocks. `floats` has `blocks` times as many elements as a block; `out` as many bytes as the blocks have.
void tantra_encode(enum tantra_block block, const float *floats, size_t blocks, uint8_t *out);

/// -exp(x) of each float, computed in binary64 and rounded once.
void tantra_negative_exponential(const float *floats, size_t count, float *out);

/// The greatest magnitude of each row over half the number of steps that `bits` (8 or 4) have, rounded to `element` (F32, F16 or BF16):
/// the scales of compressed-tensors' minmax observer. Where all is zero, the distance from 1 to the next number.
void tantra_row_scales(
    const float *rows, size_t count, size_t width, int bits, enum tantra_element element, float *scales);

/// x / scale of each row, rounded to `element` and then to an integer, halves to even, within what `bits` can hold.
void tantra_row_integers(
    const float *rows, size_t count, size_t width, int bits, enum tantra_element element, const float *scales,
    int8_t *out);

/// Floats to F32, F16 or BF16, little-endian.
void tantra_from_floats(enum tantra_element element, const float *floats, size_t count, uint8_t *out);

/// The greatest magnitude of each of `blocks` blocks of 64 floats.
void tantra_nf4_maxima(const float *floats, size_t blocks, float *out);

/// Blocks of 64 floats as 32 bytes each: indices into bitsandbytes' table of 4-bit normal floats, the first in the high half.
void tantra_nf4_indices(const float *floats, size_t blocks, uint8_t *out);
