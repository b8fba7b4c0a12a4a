#include "CImages.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
// After stdio.h, which it needs.
#include <jerror.h>
#include <jpeglib.h>
#include <string.h>

// A file may ask for any number of scans over all pixels; real ones have about ten.
enum { SCAN_LIMIT = 100 };

typedef struct {
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf caller;
  char *message;
} failing_reader;

static void leave(j_common_ptr info) {
  failing_reader *reader = (failing_reader *)info->err;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  strncpy(reader->message, text, 199);
  longjmp(reader->caller, 1);
}

/// Where a file ends early, the library would make up the rest.
static void warn(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) leave(info);
}

static void count_scans(j_common_ptr info) {
  if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > SCAN_LIMIT) ERREXIT(info, JERR_BAD_PROGRESSION);
}

/// Inks of Adobe's CMYK, which are stored as what is left of the light.
static void convert_cmyk(const uint8_t *from, uint8_t *to, long width, int channels, int is_inverted) {
  for (long x = 0; x < width; x++, from += 4) {
    int light[4];
    for (int k = 0; k < 4; k++) light[k] = is_inverted ? from[k] : 255 - from[k];
    const int red = light[0] * light[3] / 255, green = light[1] * light[3] / 255, blue = light[2] * light[3] / 255;
    if (channels == 1) *to++ = (uint8_t)((299 * red + 587 * green + 114 * blue + 500) / 1000);
    else *to++ = (uint8_t)red, *to++ = (uint8_t)green, *to++ = (uint8_t)blue;
  }
}

static int decode(
  struct jpeg_decompress_struct *info, failing_reader *reader, const void *bytes, size_t count, int channels,
  long pixel_limit, long memory_limit, tantra_image *image, uint8_t *volatile *row) {
  if (setjmp(reader->caller)) return TANTRA_IMAGE_DAMAGED;
  jpeg_create_decompress(info);
  info->mem->max_memory_to_use = memory_limit;
  reader->progress.progress_monitor = count_scans;
  info->progress = &reader->progress;
  jpeg_mem_src(info, bytes, (unsigned long)count);
  jpeg_read_header(info, TRUE);
  image->width = info->image_width, image->height = info->image_height, image->channels = channels;
  if (image->width == 0 || image->height == 0 || image->width > pixel_limit / image->height) return TANTRA_IMAGE_TOO_LARGE;
  const int is_cmyk = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
  info->out_color_space = is_cmyk ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(info);
  const size_t width = info->output_width, stride = width * (size_t)channels;
  image->pixels = malloc(stride * info->output_height);
  if (is_cmyk) *row = malloc(4 * width);
  if (!image->pixels || (is_cmyk && !*row)) return TANTRA_IMAGE_NO_MEMORY;
  while (info->output_scanline < info->output_height) {
    uint8_t *to = image->pixels + info->output_scanline * stride, *scanline = is_cmyk ? *row : to;
    jpeg_read_scanlines(info, &scanline, 1);
    if (is_cmyk) convert_cmyk(scanline, to, (long)width, channels, info->saw_Adobe_marker);
  }
  jpeg_finish_decompress(info);
  return TANTRA_IMAGE_OK;
}

int tantra_jpeg_decode(
  const void *bytes, size_t count, int channels, long pixel_limit, long memory_limit, tantra_image *image) {
  struct jpeg_decompress_struct info;
  failing_reader reader;
  memset(&info, 0, sizeof info);
  memset(&reader, 0, sizeof reader);
  *image = (tantra_image){0};
  info.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = leave;
  reader.errors.emit_message = warn;
  reader.message = image->message;
  uint8_t *volatile row = NULL;
  const int result = decode(&info, &reader, bytes, count, channels, pixel_limit, memory_limit, image, &row);
  jpeg_destroy_decompress(&info);
  free(row);
  if (result != TANTRA_IMAGE_OK) {
    free(image->pixels);
    image->pixels = NULL;
  }
  return result;
}
