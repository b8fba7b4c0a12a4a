#include "CImages.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

int tantra_png_decode(const void *bytes, size_t count, int channels, long pixel_limit, tantra_image *image) {
  png_image reader;
  memset(&reader, 0, sizeof reader);
  reader.version = PNG_IMAGE_VERSION;
  *image = (tantra_image){0};
  int result = TANTRA_IMAGE_DAMAGED;
  if (png_image_begin_read_from_memory(&reader, bytes, count)) {
    image->width = reader.width, image->height = reader.height, image->channels = channels;
    if (reader.width == 0 || reader.height == 0 || reader.width > pixel_limit / reader.height) {
      png_image_free(&reader);
      return TANTRA_IMAGE_TOO_LARGE;
    }
    reader.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    image->pixels = malloc((size_t)reader.width * reader.height * (size_t)channels);
    if (!image->pixels) {
      png_image_free(&reader);
      return TANTRA_IMAGE_NO_MEMORY;
    }
    const png_color white = {255, 255, 255};
    if (png_image_finish_read(&reader, &white, image->pixels, (png_int_32)reader.width * channels, NULL))
      result = TANTRA_IMAGE_OK;
  }
  if (result != TANTRA_IMAGE_OK) {
    memcpy(image->message, reader.message, sizeof reader.message);
    free(image->pixels);
    image->pixels = NULL;
  }
  png_image_free(&reader);
  return result;
}
