#include "CFuse.h"

#include <fuse3/fuse_log.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef void (*message_handler)(int level, const char *message);
static _Atomic(message_handler) current_handler;

static void forward(enum fuse_log_level level, const char *format, va_list arguments) {
  message_handler handler = atomic_load(&current_handler);
  if (handler == NULL) return;
  char message[1024];
  vsnprintf(message, sizeof message, format, arguments);
  message[strcspn(message, "\n")] = '\0';
  handler((int)level, message);
}

void cfuse_set_log_handler(message_handler handler) {
  atomic_store(&current_handler, handler);
  fuse_set_log_func(forward);
}
