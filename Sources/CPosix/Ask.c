#define _GNU_SOURCE
#include "CPosix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { output = STDIN_FILENO };

static bool pass_on(const void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t more = write(output, (const char *)bytes + done, count - done);
    if (more > 0)
      done += (size_t)more;
    else if (errno != EINTR)
      return false;
  }
  return true;
}

// Passes on what a file holds. 0, or errno.
static int32_t copy(int file) {
  char buffer[4096];
  for (;;) {
    ssize_t count = read(file, buffer, sizeof buffer);
    if (count == 0) return 0;
    if (count < 0 && errno != EINTR) return errno;
    if (count > 0 && !pass_on(buffer, (size_t)count)) return errno;
  }
}

static int32_t read_all(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return errno;
  int32_t code = copy(file);
  // Before the answer is complete: whoever has it may want to unmount.
  close(file);
  return code;
}

static int32_t look(const char *path) {
  struct statx attributes;
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC;
  return statx(AT_FDCWD, path, flags, STATX_BASIC_STATS, &attributes) == 0 ? 0 : errno;
}

static int32_t read_attribute(const char *path, const char *name) {
  char buffer[4096];
  ssize_t count = lgetxattr(path, name, buffer, sizeof buffer);
  return count >= 0 && pass_on(buffer, (size_t)count) ? 0 : errno;
}

static int32_t find(const struct tantra_question *question) {
  switch (question->kind) {
  case TANTRA_STATUS: return look(question->path);
  case TANTRA_CONTENTS: return read_all(question->path);
  case TANTRA_ATTRIBUTE: return read_attribute(question->path, question->attribute);
  }
  return EINVAL;
}

// This process is a copy of the first one, with one of its threads. Others may have held locks: nothing but system calls may be
// used.
static void ask(const struct tantra_question *question, int descriptor) {
  if (dup2(descriptor, output) < 0 || close_range(output + 1, ~0U, 0) != 0) return;
  // Neither the terminal's signals nor a folder that somebody wants to unmount.
  (void)!setsid();
  (void)!chdir("/");
  int32_t number = getpid();
  if (!pass_on(&number, sizeof number)) return;
  int32_t code = find(question);
  pass_on(&code, sizeof code);
}

int tantra_ask(const struct tantra_question *question, int descriptor) {
  // Handlers of this process must not run in the others.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t child = _Fork();
  if (child == 0) {
    // The one that asks is nobody's child: nobody has to wait for it.
    pid_t asking = _Fork();
    if (asking == 0) ask(question, descriptor);
    _exit(asking < 0 ? errno : 0);
  }
  int error = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0) {
    // Where nobody wants to hear of children, there is nothing to wait for.
    if (errno != EINTR) break;
  }
  if (error == 0 && WIFEXITED(status)) error = WEXITSTATUS(status);
  errno = error;
  return error == 0 ? 0 : -1;
}
