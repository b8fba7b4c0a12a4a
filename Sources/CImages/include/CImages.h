// Decoding of PNG (libpng) and JPEG (libjpeg-turbo) from memory. Errors are returned: the libraries' own way, a jump over the
// caller's frames, ends in here.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// What came of decoding.
enum { TANTRA_IMAGE_OK = 0, TANTRA_IMAGE_DAMAGED = 1, TANTRA_IMAGE_TOO_LARGE = 2, TANTRA_IMAGE_NO_MEMORY = 3 };

/// Pixels, row by row without gaps, of `channels` bytes each: 1 grey, or 3 red, green, blue. What was transparent is white.
typedef struct {
  long width, height;
  int channels;
  uint8_t *pixels;     // Of malloc.
  char message[200];   // The library's own words where decoding failed.
} tantra_image;

/// Decodes a PNG of any kind. The size is known before pixels are: more than `pixel_limit` are not decoded.
int tantra_png_decode(const void *bytes, size_t count, int channels, long pixel_limit, tantra_image *image);

/// Decodes a JPEG of any kind that libjpeg-turbo knows, CMYK included. `memory_limit` bounds what the library may take
/// besides the pixels, in bytes: progressive files need all coefficients at once.
int tantra_jpeg_decode(
  const void *bytes, size_t count, int channels, long pixel_limit, long memory_limit, tantra_image *image);
