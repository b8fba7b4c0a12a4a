// Decompression in steps, of the kinds that Python programs know, for whoever looks into a file without trusting it.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
  TANTRA_GZIP,         // gzip or zlib, by its header
  TANTRA_DEFLATE,      // bare deflate, as in zip archives
  TANTRA_BZIP2,
  TANTRA_XZ,           // .xz
  TANTRA_LZMA          // .lzma, the older container
} tantra_compression;

typedef enum { TANTRA_GOES_ON, TANTRA_MEMBER_ENDS, TANTRA_DAMAGED } tantra_step;

typedef struct tantra_decompressor tantra_decompressor;

// NULL if there is no memory. What a file can make it take is below 80 MiB.
tantra_decompressor *tantra_decompressor_open(tantra_compression kind);
void tantra_decompressor_close(tantra_decompressor *decompressor);

// Decompresses as much as there is input and room for. At the end of a member it is ready for another one.
tantra_step tantra_decompress(
    tantra_decompressor *decompressor, const uint8_t *input, size_t input_count, size_t *consumed, uint8_t *output,
    size_t output_count, size_t *produced);
