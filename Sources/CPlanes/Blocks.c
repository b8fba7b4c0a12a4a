// Which transform a block gets, and its planes to frames of zstd and back.
#include "CPlanes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

void tantra_cut_baseline(const uint8_t *, const uint8_t *, uint8_t *, size_t, size_t, int);
void tantra_join_baseline(const uint8_t *, const uint8_t *, uint8_t *, size_t, int);
#if defined(__x86_64__)
void tantra_cut_avx2(const uint8_t *, const uint8_t *, uint8_t *, size_t, size_t, int);
void tantra_join_avx2(const uint8_t *, const uint8_t *, uint8_t *, size_t, int);
#define WIDEST(name) (__builtin_cpu_supports("avx2") ? name##_avx2 : name##_baseline)
#else
#define WIDEST(name) name##_baseline
#endif

static size_t width_of(int transform) { return (size_t)1 << (transform & TANTRA_PLANES_WIDTH); }

// MARK: Coding

enum { SAMPLES = 8192, PARTS = 8 };

struct tantra_encoder {
  /// Finds hardly any match: those among exponents are accidents, cost more than Huffman codes and decode slower.
  ZSTD_CCtx *codes;
  /// Finds matches: tables and differences repeat themselves.
  ZSTD_CCtx *matches;
  uint8_t planes[TANTRA_PLANES_BLOCK];
  uint8_t trial[TANTRA_PLANES_BOUND];
};

struct tantra_encoder *tantra_encoder_make(void) {
  struct tantra_encoder *encoder = calloc(1, sizeof *encoder);
  if (!encoder) return NULL;
  encoder->codes = ZSTD_createCCtx();
  encoder->matches = ZSTD_createCCtx();
  if (!encoder->codes || !encoder->matches) {
    tantra_encoder_free(encoder);
    return NULL;
  }
  ZSTD_CCtx_setParameter(encoder->codes, ZSTD_c_strategy, ZSTD_fast);
  ZSTD_CCtx_setParameter(encoder->codes, ZSTD_c_minMatch, 7);
  ZSTD_CCtx_setParameter(encoder->codes, ZSTD_c_hashLog, 6);
  ZSTD_CCtx_setParameter(encoder->codes, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(encoder->matches, ZSTD_c_compressionLevel, 3);
  ZSTD_CCtx_setParameter(encoder->matches, ZSTD_c_checksumFlag, 1);
  return encoder;
}

void tantra_encoder_free(struct tantra_encoder *encoder) {
  if (!encoder) return;
  ZSTD_freeCCtx(encoder->codes);
  ZSTD_freeCCtx(encoder->matches);
  free(encoder);
}

/// Bits of one byte that comes `times` times among `count`, for all of these times.
static double bits_of(uint32_t times, double log_count) {
  // A sample looks more ordered than what it was taken from, by about half a bit times log2(e) for each value in it (Miller, 1955).
  return times == 0 ? 0 : 0.72 + times * (log_count - log2(times));
}

/// Bytes that codes for single bytes need at least.
static double entropy(const uint8_t *bytes, size_t count) {
  // Four tables: increments of one counter wait for each other.
  uint32_t times[4][256] = {{0}};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    times[0][bytes[i]]++;
    times[1][bytes[i + 1]]++;
    times[2][bytes[i + 2]]++;
    times[3][bytes[i + 3]]++;
  }
  for (; i < count; i++) times[0][bytes[i]]++;
  const double log_count = log2((double)count);
  double bits = 0;
  for (int value = 0; value < 256; value++)
    bits += bits_of(times[0][value] + times[1][value] + times[2][value] + times[3][value], log_count);
  return bits / 8;
}

/// The share of its size that a transform would leave of a block, from a sample: parts from all over it.
static double sampled_share(
    struct tantra_encoder *encoder, const uint8_t *bytes, const uint8_t *base, size_t count, int transform) {
  const size_t width = width_of(transform), step = count / width / PARTS;
  const size_t part = step < SAMPLES / PARTS ? step : SAMPLES / PARTS, all = PARTS * part;
  if (part == 0) return 2;
  for (size_t k = 0; k < PARTS; k++) {
    const size_t from = k * step * width;
    WIDEST(tantra_cut)(bytes + from, base ? base + from : NULL, encoder->planes + k * part, all, part, transform);
  }
  double size = 0;
  for (size_t k = 0; k < width; k++) size += entropy(encoder->planes + k * all, all);
  return size / (double)(all * width);
}

/// The transform that leaves least, tried in order of how often it is the right one: a later one has to be clearly better.
static int best_transform(struct tantra_encoder *encoder, const uint8_t *bytes, const uint8_t *base, size_t count) {
  static const int candidates[] = {
      1 | TANTRA_PLANES_ROTATE, 2 | TANTRA_PLANES_ROTATE, 0, 1, 2, 3,
      0 | TANTRA_PLANES_DELTA, 1 | TANTRA_PLANES_DELTA, 2 | TANTRA_PLANES_DELTA, 3 | TANTRA_PLANES_DELTA};
  double least = 2;
  int best = 0;
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
    if (candidates[i] & TANTRA_PLANES_DELTA && !base) continue;
    const double share = sampled_share(encoder, bytes, base, count, candidates[i]);
    if (share < 0.995 * least) {
      least = share;
      best = candidates[i];
    }
  }
  return best;
}

/// Codes a plane with or without matches, whichever is smaller; 0 if that fails.
static size_t encode_plane(
    struct tantra_encoder *encoder, const uint8_t *plane, size_t count, uint8_t *coded, size_t room) {
  const size_t size = ZSTD_compress2(encoder->codes, coded, room, plane, count);
  if (ZSTD_isError(size)) return 0;
  const size_t part = count / 8;
  if (part == 0) return size;
  const uint8_t *sample = plane + count / 2;
  const size_t sampled = ZSTD_compress2(encoder->matches, encoder->trial, sizeof encoder->trial, sample, part);
  if (ZSTD_isError(sampled) || (double)sampled >= 0.95 * entropy(sample, part) + 8) return size;
  const size_t matched = ZSTD_compress2(encoder->matches, encoder->trial, sizeof encoder->trial, plane, count);
  // Matches decode slower: they have to be worth it.
  if (ZSTD_isError(matched) || matched + size / 32 >= size) return size;
  memcpy(coded, encoder->trial, matched);
  return matched;
}

size_t tantra_encode_block(
    struct tantra_encoder *encoder, const uint8_t *bytes, const uint8_t *base, size_t count, uint8_t *coded,
    uint8_t *transform) {
  if (count == 0 || count > TANTRA_PLANES_BLOCK) return 0;
  *transform = (uint8_t)best_transform(encoder, bytes, base, count);
  const size_t width = width_of(*transform), elements = count / width, rest = count % width;
  WIDEST(tantra_cut)(bytes, base, encoder->planes, elements, elements, *transform);
  size_t size = 0;
  for (size_t k = 0; k < width && elements > 0; k++) {
    const size_t plane = encode_plane(
        encoder, encoder->planes + k * elements, elements, coded + size, TANTRA_PLANES_BOUND - size);
    if (plane == 0) return 0;
    size += plane;
  }
  if (rest > 0) {
    const size_t end = ZSTD_compress2(
        encoder->codes, coded + size, TANTRA_PLANES_BOUND - size, bytes + elements * width, rest);
    if (ZSTD_isError(end)) return 0;
    size += end;
  }
  if (size + count / 32 < count) return size;
  // Hardly smaller: as it is, which is quicker to read.
  *transform = 0;
  const size_t whole = ZSTD_compress2(encoder->codes, coded, TANTRA_PLANES_BOUND, bytes, count);
  return ZSTD_isError(whole) ? 0 : whole;
}

// MARK: Decoding

struct tantra_decoder {
  ZSTD_DCtx *frames;
  uint8_t planes[TANTRA_PLANES_BLOCK];
};

struct tantra_decoder *tantra_decoder_make(void) {
  struct tantra_decoder *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  decoder->frames = ZSTD_createDCtx();
  if (decoder->frames) return decoder;
  free(decoder);
  return NULL;
}

void tantra_decoder_free(struct tantra_decoder *decoder) {
  if (!decoder) return;
  ZSTD_freeDCtx(decoder->frames);
  free(decoder);
}

int tantra_decode_block(
    struct tantra_decoder *decoder, const uint8_t *coded, size_t coded_count, uint8_t transform, const uint8_t *base,
    uint8_t *bytes, size_t count) {
  if (count == 0 || count > TANTRA_PLANES_BLOCK || transform > TANTRA_PLANES_KNOWN) return 0;
  if (transform & TANTRA_PLANES_DELTA && !base) return 0;
  // A single plane of bytes is the block itself.
  uint8_t *planes = transform == 0 ? bytes : decoder->planes;
  // All frames at once: each has a checksum, which is compared.
  const size_t found = ZSTD_decompressDCtx(decoder->frames, planes, count, coded, coded_count);
  if (ZSTD_isError(found) || found != count) return 0;
  if (transform == 0) return 1;
  const size_t width = width_of(transform), elements = count / width;
  WIDEST(tantra_join)(planes, base, bytes, elements, transform);
  memcpy(bytes + elements * width, planes + elements * width, count % width);
  return 1;
}
