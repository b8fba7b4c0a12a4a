#define _GNU_SOURCE
#include "CPosix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

// The only descriptors of the process that asks.
enum { output = 0, life_end = 1 };

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
  // Before the end is told: whoever gets the answer may unmount at once.
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
static void ask(const struct tantra_question *question, int descriptor, int life) {
  int lifted = fcntl(descriptor, F_DUPFD, life_end + 1), lifted_life = fcntl(life, F_DUPFD, life_end + 1);
  if (lifted < 0 || lifted_life < 0 || dup2(lifted, output) < 0 || dup2(lifted_life, life_end) < 0) return;
  if (close_range(life_end + 1, ~0U, 0) != 0) return;
  // It takes no signals of a terminal, and keeps no folder in use.
  (void)!setsid();
  (void)!chdir("/");
  // Once nobody holds the other end any more, the kernel ends this process, whatever it waits for.
  if (fcntl(life_end, F_SETOWN, getpid()) < 0 || fcntl(life_end, F_SETSIG, SIGKILL) < 0) return;
  if (fcntl(life_end, F_SETFL, O_ASYNC) < 0) return;
  struct pollfd gone = {.fd = life_end, .events = POLLIN};
  if (poll(&gone, 1, 0) != 0) return;
  struct tantra_answer_start start = {.pid = getpid()};
  if (!pass_on(&start, sizeof start)) return;
  struct tantra_answer_end end = {.mark = TANTRA_ANSWER_MARK, .code = find(question)};
  pass_on(&end, sizeof end);
}

bool tantra_adopts_processes(void) {
  int is_subreaper = 0;
  return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0);
}

int tantra_ask(const struct tantra_question *question, int descriptor, int life) {
  // Handlers of this process must not run in the others.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t child = _Fork();
  if (child == 0) {
    // The one that asks is nobody's child: nobody has to wait for it.
    pid_t asking = _Fork();
    if (asking == 0) ask(question, descriptor, life);
    _exit(asking < 0 ? errno : 0);
  }
  int error = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0) {
    // ECHILD: SIGCHLD is ignored, or somebody else has waited.
    if (errno != EINTR) break;
  }
  if (error == 0 && WIFEXITED(status)) error = WEXITSTATUS(status);
  errno = error;
  return error == 0 ? 0 : -1;
}
