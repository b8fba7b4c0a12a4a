// Blocks of weights without loss in less room: the bytes of equal weight in all elements of a block stand together, as planes, and each
// plane is a frame of zstd. Compression.md, among the documentation of BlobStore, says how.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Bytes of a block; the last one of a blob may have fewer.
#define TANTRA_PLANES_BLOCK ((size_t)128 << 10)
/// Bytes that a coded block has at most.
#define TANTRA_PLANES_BOUND (TANTRA_PLANES_BLOCK + ((size_t)8 << 10))

/// How the elements of a block were changed before they were cut into planes: a byte of the index.
enum {
  /// Mask of the logarithm of an element's width: 1, 2, 4 or 8 bytes.
  TANTRA_PLANES_WIDTH = 3,
  /// Elements are rotated left by one bit: the sign of a float joins its mantissa, and its exponent fills the highest byte.
  TANTRA_PLANES_ROTATE = 4,
  /// Before that the element of a base was subtracted, and the difference folded: small ones have zeros above.
  TANTRA_PLANES_DELTA = 8,
  /// The bits that a transform has.
  TANTRA_PLANES_KNOWN = 15,
};

/// What coding takes; of one thread at a time.
struct tantra_encoder;

/// - Returns: NULL if there is not enough memory.
struct tantra_encoder *tantra_encoder_make(void);
void tantra_encoder_free(struct tantra_encoder *encoder);

/// Codes a block.
///
/// - Parameters:
///   - base: as many bytes, of which the block may become the difference; NULL for none.
///   - count: 1 to TANTRA_PLANES_BLOCK.
///   - coded: takes the coded block: TANTRA_PLANES_BOUND bytes.
///   - transform: what was done with it.
/// - Returns: bytes of the coded block; 0 if zstd has failed.
size_t tantra_encode_block(
    struct tantra_encoder *encoder, const uint8_t *bytes, const uint8_t *base, size_t count, uint8_t *coded,
    uint8_t *transform);

/// What decoding takes; of one thread at a time.
struct tantra_decoder;

/// - Returns: NULL if there is not enough memory.
struct tantra_decoder *tantra_decoder_make(void);
void tantra_decoder_free(struct tantra_decoder *decoder);

/// Decodes a block; nothing about the coded bytes is taken for granted.
///
/// - Parameters:
///   - base: what the block is a difference from; NULL if there is none.
///   - bytes: takes the block.
///   - count: of its bytes.
/// - Returns: 0 if that is no block of so many bytes.
int tantra_decode_block(
    struct tantra_decoder *decoder, const uint8_t *coded, size_t coded_count, uint8_t transform, const uint8_t *base,
    uint8_t *bytes, size_t count);
