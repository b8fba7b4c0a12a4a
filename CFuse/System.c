#define _GNU_SOURCE
#include "CFuse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int cfuse_unmount(const char *path, bool lazy) {
  return umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0 ? 0 : -errno;
}

int cfuse_open_process(pid_t process) {
  int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
  return descriptor >= 0 ? descriptor : -errno;
}

int cfuse_event_descriptor(void) {
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return descriptor >= 0 ? descriptor : -errno;
}

int cfuse_event_set(int descriptor) {
  uint64_t one = 1;
  return write(descriptor, &one, sizeof one) == (ssize_t)sizeof one ? 0 : -errno;
}

int cfuse_stop_signals_descriptor(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  int result = pthread_sigmask(SIG_BLOCK, &signals, NULL);
  if (result != 0) return -result;
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return -errno;
  int descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  return descriptor >= 0 ? descriptor : -errno;
}

int cfuse_take_stop_signal(int descriptor) {
  struct signalfd_siginfo information;
  if (read(descriptor, &information, sizeof information) != (ssize_t)sizeof information) return 0;
  return (int)information.ssi_signo;
}

int cfuse_wake_signal(void) { return SIGRTMIN + 6; }

static void ignore_signal(int number) { (void)number; }

int cfuse_install_wake_handler(void) {
  // No SA_RESTART: a blocking call must end with EINTR.
  struct sigaction action = {.sa_handler = ignore_signal};
  sigemptyset(&action.sa_mask);
  return sigaction(cfuse_wake_signal(), &action, NULL) == 0 ? 0 : -errno;
}

void cfuse_block_signals_in_worker(void) {
  sigset_t signals;
  sigfillset(&signals);
  const int deliverable[] = {cfuse_wake_signal(), SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof deliverable / sizeof deliverable[0]; i++) sigdelset(&signals, deliverable[i]);
  pthread_sigmask(SIG_SETMASK, &signals, NULL);
}
