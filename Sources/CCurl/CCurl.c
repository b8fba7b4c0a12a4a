#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// libcurl's own names and numbers. They are its binary interface, which has not changed since 2006 (libcurl.so.4).
enum {
  CURL_GLOBAL_DEFAULT = 3,
  CURLE_OK = 0,
  CURLE_OUT_OF_MEMORY = 27,
  CURLOPT_LOW_SPEED_LIMIT = 19,
  CURLOPT_LOW_SPEED_TIME = 20,
  CURLOPT_NOPROGRESS = 43,
  CURLOPT_NOBODY = 44,
  CURLOPT_UPLOAD = 46,
  CURLOPT_FOLLOWLOCATION = 52,
  CURLOPT_HTTPGET = 80,
  CURLOPT_HTTP_VERSION = 84,
  CURLOPT_BUFFERSIZE = 98,
  CURLOPT_NOSIGNAL = 99,
  CURLOPT_CONNECTTIMEOUT_MS = 156,
  CURLOPT_PROTOCOLS = 181,
  CURLOPT_TCP_KEEPALIVE = 213,
  CURLOPT_SUPPRESS_CONNECT_HEADERS = 265,
  CURLOPT_UPLOAD_BUFFERSIZE = 280,
  CURLOPT_WRITEDATA = 10001,
  CURLOPT_URL = 10002,
  CURLOPT_READDATA = 10009,
  CURLOPT_ERRORBUFFER = 10010,
  CURLOPT_USERAGENT = 10018,
  CURLOPT_HTTPHEADER = 10023,
  CURLOPT_HEADERDATA = 10029,
  CURLOPT_CUSTOMREQUEST = 10036,
  CURLOPT_XFERINFODATA = 10057,
  CURLOPT_CAINFO = 10065,
  CURLOPT_CAPATH = 10097,
  CURLOPT_SEEKDATA = 10168,
  CURLOPT_WRITEFUNCTION = 20011,
  CURLOPT_READFUNCTION = 20012,
  CURLOPT_HEADERFUNCTION = 20079,
  CURLOPT_SEEKFUNCTION = 20167,
  CURLOPT_XFERINFOFUNCTION = 20219,
  CURLOPT_INFILESIZE_LARGE = 30115,
  CURL_HTTP_VERSION_1_1 = 2,
  CURLPROTO_HTTP_AND_HTTPS = 1 | 2,
  CURL_READFUNC_ABORT = 0x10000000,
};

struct curl_slist {
  char *data;
  struct curl_slist *next;
};

static struct {
  bool is_loaded;
  int (*global_init)(long);
  void *(*easy_init)(void);
  void (*easy_cleanup)(void *);
  void (*easy_reset)(void *);
  int (*easy_setopt)(void *, int, ...);
  int (*easy_perform)(void *);
  const char *(*easy_strerror)(int);
} curl;

static void load(void) {
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && library == NULL; i++) library = dlopen(names[i], RTLD_NOW);
  if (library == NULL) return;
  *(void **)&curl.global_init = dlsym(library, "curl_global_init");
  *(void **)&curl.easy_init = dlsym(library, "curl_easy_init");
  *(void **)&curl.easy_cleanup = dlsym(library, "curl_easy_cleanup");
  *(void **)&curl.easy_reset = dlsym(library, "curl_easy_reset");
  *(void **)&curl.easy_setopt = dlsym(library, "curl_easy_setopt");
  *(void **)&curl.easy_perform = dlsym(library, "curl_easy_perform");
  *(void **)&curl.easy_strerror = dlsym(library, "curl_easy_strerror");
  curl.is_loaded = curl.global_init && curl.easy_init && curl.easy_cleanup && curl.easy_reset && curl.easy_setopt &&
                   curl.easy_perform && curl.easy_strerror && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool tantra_curl_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return curl.is_loaded;
}

void *tantra_curl_open(void) { return curl.easy_init(); }

void tantra_curl_close(void *handle) { curl.easy_cleanup(handle); }

static size_t read_body(char *buffer, size_t size, size_t count, void *context) {
  const struct tantra_exchange *exchange = context;
  size_t done = exchange->read_body(buffer, size * count, exchange->context);
  return done == SIZE_MAX ? CURL_READFUNC_ABORT : done;
}

static int seek_body(void *context, int64_t offset, int origin) {
  const struct tantra_exchange *exchange = context;
  return origin == SEEK_SET && exchange->seek_body(offset, exchange->context) ? 0 : 1;
}

static size_t take_header(char *line, size_t size, size_t count, void *context) {
  const struct tantra_exchange *exchange = context;
  return exchange->take_header(line, size * count, exchange->context) ? size * count : 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  const struct tantra_exchange *exchange = context;
  if (size * count == 0) return 0;
  return exchange->take_body(bytes, size * count, exchange->context) ? size * count : 0;
}

static int progress(void *context, int64_t a, int64_t b, int64_t c, int64_t d) {
  (void)a, (void)b, (void)c, (void)d;
  const struct tantra_exchange *exchange = context;
  return exchange->should_stop(exchange->context) ? 1 : 0;
}

static void set_options(void *handle, const struct tantra_exchange *exchange, struct curl_slist *headers, char *error) {
  // What an older libcurl does not know it refuses, and goes on without.
  curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
  curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(handle, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTP_AND_HTTPS);
  curl.easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl.easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl.easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl.easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl.easy_setopt(handle, CURLOPT_BUFFERSIZE, 512L << 10);
  curl.easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  curl.easy_setopt(handle, CURLOPT_USERAGENT, "tantra");
  curl.easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, exchange->connect_milliseconds);
  curl.easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl.easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, exchange->stall_seconds);
  if (exchange->certificate_file) curl.easy_setopt(handle, CURLOPT_CAINFO, exchange->certificate_file);
  if (exchange->certificate_folder) curl.easy_setopt(handle, CURLOPT_CAPATH, exchange->certificate_folder);
  curl.easy_setopt(handle, CURLOPT_URL, exchange->url);
  curl.easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl.easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl.easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
  curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl.easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
  curl.easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl.easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, progress);
  curl.easy_setopt(handle, CURLOPT_XFERINFODATA, exchange);
  if (exchange->body_byte_count >= 0) {
    curl.easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl.easy_setopt(handle, CURLOPT_READFUNCTION, read_body);
    curl.easy_setopt(handle, CURLOPT_READDATA, exchange);
    curl.easy_setopt(handle, CURLOPT_SEEKFUNCTION, seek_body);
    curl.easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
    curl.easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, exchange->body_byte_count);
  } else if (strcmp(exchange->method, "HEAD") == 0) {
    curl.easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else {
    curl.easy_setopt(handle, CURLOPT_HTTPGET, 1L);
  }
  curl.easy_setopt(handle, CURLOPT_CUSTOMREQUEST, exchange->method);
}

struct tantra_exchange_end tantra_curl_perform(void *handle, const struct tantra_exchange *exchange) {
  struct tantra_exchange_end end = {0};
  struct curl_slist *headers = calloc(exchange->header_count + 1, sizeof *headers);
  if (headers == NULL) {
    end.code = CURLE_OUT_OF_MEMORY;
    return end;
  }
  for (size_t i = 0; i < exchange->header_count; i++) {
    headers[i].data = (char *)exchange->headers[i];
    headers[i].next = i + 1 < exchange->header_count ? &headers[i + 1] : NULL;
  }
  curl.easy_reset(handle);
  set_options(handle, exchange, exchange->header_count > 0 ? headers : NULL, end.message);
  end.code = curl.easy_perform(handle);
  // The handle lives on, and must not remember what this call has on its stack.
  curl.easy_reset(handle);
  free(headers);
  if (end.code != CURLE_OK && end.message[0] == 0) {
    snprintf(end.message, sizeof end.message, "%s", curl.easy_strerror(end.code));
  }
  return end;
}
