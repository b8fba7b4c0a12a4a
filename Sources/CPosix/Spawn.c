#define _GNU_SOURCE
#include "CPosix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

enum { inherited_number = 3 };

// A copy of `descriptor` above the numbers that the child's own descriptors get, so that no dup2 overwrites a source.
static int lift(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, inherited_number + 1); }

static int prepare_descriptors(posix_spawn_file_actions_t *actions, int output, int inherited) {
  int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (error == 0)
    error = output >= 0 ? posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO)
                        : posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (error == 0) error = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
  if (error == 0 && inherited >= 0) error = posix_spawn_file_actions_adddup2(actions, inherited, inherited_number);
  if (error == 0)
    error = posix_spawn_file_actions_addclosefrom_np(actions, inherited >= 0 ? inherited_number + 1 : inherited_number);
  return error;
}

static int prepare_attributes(posix_spawnattr_t *attributes, bool new_session) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawnattr_setsigmask(attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &all);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (new_session ? POSIX_SPAWN_SETSID : 0);
  if (error == 0) error = posix_spawnattr_setflags(attributes, (short)flags);
  return error;
}

int tantra_spawn(const struct tantra_program *program) {
  int output = -1, inherited = -1, error = 0;
  if (program->output >= 0 && (output = lift(program->output)) < 0) error = errno;
  if (error == 0 && program->inherited >= 0 && (inherited = lift(program->inherited)) < 0) error = errno;

  pid_t pid = -1;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (error == 0 && (error = posix_spawn_file_actions_init(&actions)) == 0) {
    if ((error = posix_spawnattr_init(&attributes)) == 0) {
      error = prepare_descriptors(&actions, output, inherited);
      if (error == 0) error = prepare_attributes(&attributes, program->new_session);
      if (error == 0)
        error = posix_spawn(&pid, program->executable, &actions, &attributes, program->arguments, environ);
      posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  if (output >= 0) close(output);
  if (inherited >= 0) close(inherited);
  errno = error;
  return error == 0 ? pid : -1;
}
