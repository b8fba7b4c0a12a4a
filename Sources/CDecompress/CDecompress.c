#include "CDecompress.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>

static const uint64_t memory_limit = 72u << 20;

struct tantra_decompressor {
  tantra_compression kind;
  z_stream zlib;
  bz_stream bzip2;
  lzma_stream lzma;
};

static int begin(tantra_decompressor *d) {
  switch (d->kind) {
  case TANTRA_GZIP: return inflateInit2(&d->zlib, 32 + MAX_WBITS) == Z_OK;
  case TANTRA_DEFLATE: return inflateInit2(&d->zlib, -MAX_WBITS) == Z_OK;
  case TANTRA_BZIP2: return BZ2_bzDecompressInit(&d->bzip2, 0, 0) == BZ_OK;
  case TANTRA_XZ: return lzma_stream_decoder(&d->lzma, memory_limit, 0) == LZMA_OK;
  case TANTRA_LZMA: return lzma_alone_decoder(&d->lzma, memory_limit) == LZMA_OK;
  }
  return 0;
}

static void end(tantra_decompressor *d) {
  switch (d->kind) {
  case TANTRA_GZIP:
  case TANTRA_DEFLATE: inflateEnd(&d->zlib); break;
  case TANTRA_BZIP2: BZ2_bzDecompressEnd(&d->bzip2); break;
  case TANTRA_XZ:
  case TANTRA_LZMA: lzma_end(&d->lzma); break;
  }
}

tantra_decompressor *tantra_decompressor_open(tantra_compression kind) {
  tantra_decompressor *d = calloc(1, sizeof *d);
  if (d == NULL) return NULL;
  d->kind = kind;
  d->lzma = (lzma_stream)LZMA_STREAM_INIT;
  if (begin(d)) return d;
  free(d);
  return NULL;
}

void tantra_decompressor_close(tantra_decompressor *d) {
  if (d == NULL) return;
  end(d);
  free(d);
}

tantra_step tantra_decompress(
    tantra_decompressor *d, const uint8_t *input, size_t input_count, size_t *consumed, uint8_t *output,
    size_t output_count, size_t *produced) {
  int ends = 0, damaged = 0;
  switch (d->kind) {
  case TANTRA_GZIP:
  case TANTRA_DEFLATE: {
    d->zlib.next_in = (Bytef *)input;
    d->zlib.avail_in = (uInt)input_count;
    d->zlib.next_out = output;
    d->zlib.avail_out = (uInt)output_count;
    int result = inflate(&d->zlib, Z_NO_FLUSH);
    ends = result == Z_STREAM_END;
    damaged = result != Z_OK && result != Z_BUF_ERROR && !ends;
    *consumed = input_count - d->zlib.avail_in;
    *produced = output_count - d->zlib.avail_out;
    break;
  }
  case TANTRA_BZIP2: {
    d->bzip2.next_in = (char *)input;
    d->bzip2.avail_in = (unsigned)input_count;
    d->bzip2.next_out = (char *)output;
    d->bzip2.avail_out = (unsigned)output_count;
    int result = BZ2_bzDecompress(&d->bzip2);
    ends = result == BZ_STREAM_END;
    damaged = result != BZ_OK && !ends;
    *consumed = input_count - d->bzip2.avail_in;
    *produced = output_count - d->bzip2.avail_out;
    break;
  }
  case TANTRA_XZ:
  case TANTRA_LZMA: {
    d->lzma.next_in = input;
    d->lzma.avail_in = input_count;
    d->lzma.next_out = output;
    d->lzma.avail_out = output_count;
    lzma_ret result = lzma_code(&d->lzma, LZMA_RUN);
    ends = result == LZMA_STREAM_END;
    damaged = result != LZMA_OK && result != LZMA_BUF_ERROR && !ends;
    *consumed = input_count - d->lzma.avail_in;
    *produced = output_count - d->lzma.avail_out;
    break;
  }
  }
  if (damaged) return TANTRA_DAMAGED;
  if (!ends) return TANTRA_GOES_ON;
  end(d);
  if (d->kind == TANTRA_XZ || d->kind == TANTRA_LZMA) d->lzma = (lzma_stream)LZMA_STREAM_INIT;
  if (d->kind == TANTRA_BZIP2) d->bzip2 = (bz_stream){0};
  if (d->kind == TANTRA_GZIP || d->kind == TANTRA_DEFLATE) d->zlib = (z_stream){0};
  if (!begin(d)) return TANTRA_DAMAGED;
  return TANTRA_MEMBER_ENDS;
}
