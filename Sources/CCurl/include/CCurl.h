#pragma once
// libcurl, loaded when it is first needed, so that programs which never speak to a network do without it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One exchange. Callbacks get `context`; they are called on the thread that performs it.
struct tantra_exchange {
  const char *method;
  const char *url;
  /// Whole lines, as "Range: bytes=0-9".
  const char *const *headers;
  size_t header_count;
  /// Bytes of the body that `read_body` gives; -1 for none.
  int64_t body_byte_count;
  long connect_milliseconds;
  /// Fewer than 1000 bytes a second, in either direction, for so long end it.
  long stall_seconds;
  /// A file of certificates that are trusted, and a folder of them; NULL for those of the system.
  const char *certificate_file;
  const char *certificate_folder;
  void *context;
  /// Fills a part of the buffer with the next bytes of the body: how many; SIZE_MAX ends the exchange.
  size_t (*read_body)(char *buffer, size_t capacity, void *context);
  /// Lets the body begin at an offset again; false if it cannot.
  bool (*seek_body)(int64_t offset, void *context);
  /// Takes a line of the answer's head, with its end; false ends the exchange.
  bool (*take_header)(const char *line, size_t count, void *context);
  /// Takes bytes of the answer's body; false ends the exchange.
  bool (*take_body)(const char *bytes, size_t count, void *context);
  /// Asked about once a second; true ends the exchange.
  bool (*should_stop)(void *context);
};

/// How an exchange ended.
struct tantra_exchange_end {
  /// libcurl's CURLcode; 0 if there is an answer.
  int code;
  char message[256];
};

/// Loads libcurl; false if there is none.
bool tantra_curl_load(void);

/// A connection, or several, that one thread at a time uses; NULL if memory is short.
void *tantra_curl_open(void);
void tantra_curl_close(void *handle);
struct tantra_exchange_end tantra_curl_perform(void *handle, const struct tantra_exchange *exchange);
