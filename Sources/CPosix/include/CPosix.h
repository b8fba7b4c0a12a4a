// System calls that Swift cannot reach: macros with arguments, and functions behind _GNU_SOURCE.
//
// No header of the system is included: Swift would take its types for this module's, and no longer for Glibc's. So off_t
// and ssize_t are long here, and pid_t is int.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// ioctl(FICLONE): makes `target` share the blocks of `source`. 0, or -1 with errno.
int tantra_reflink(int source, int target);

/// copy_file_range(2) from offset `from` of the source to offset `to` of the target.
long tantra_copy_range(int source, long from, int target, long to, size_t count);

/// getxattr(2).
long tantra_get_attribute(const char *path, const char *name, void *value, size_t size);

/// fsetxattr(2), which makes the attribute if there is none of that name.
int tantra_set_attribute(int file, const char *name, const void *value, size_t size);

/// cachestat(2) (Linux 6.5): pages of a range that are in the page cache, or -1 with errno. A count of 0 means to the end.
long tantra_cached_pages(int file, uint64_t offset, uint64_t count);

/// sync_file_range(2): waits for writes of a range's pages that are under way, and begins to write all others. 0, or -1 with
/// errno.
int tantra_start_writing(int file, long offset, long count);

/// ioctl(FS_IOC_SETFLAGS): sets or clears FS_IMMUTABLE_FL. 0, or -1 with errno.
int tantra_set_immutable(int file, int immutable);

/// Whether FS_IMMUTABLE_FL is set: 1, 0, or -1 with errno.
int tantra_is_immutable(int file);

/// Whether a file that is open here for reading only is open or mapped for writing anywhere: tries to take a read lease
/// (fcntl(F_SETLEASE)), which the kernel refuses then. 1 or 0.
int tantra_has_writers(int file);

/// sync_file_range(2): writes the dirty pages of a range to disk, and waits for them. 0, or -1 with errno.
int tantra_finish_writing(int file, long offset, long count);

/// fallocate(2): gives the blocks of a range back, and leaves the size. 0, or -1 with errno.
int tantra_punch_hole(int file, long offset, long count);

/// Whether a file lies on overlayfs, which is stacked on other file systems: 1 or 0.
int tantra_is_stacked(int file);

/// malloc_trim(3): gives memory that is free back to the system.
void tantra_release_memory(void);

/// mallopt(3): memory of more than `threshold` bytes goes back to the system as soon as it is freed, in every thread. 1, or 0 if the
/// C library does not do that.
int tantra_return_freed_memory(int threshold);

/// setpriority(2), ioprio_set(2): lets every other thread go before this one, on processors and disks.
void tantra_give_way(void);

/// pipe2(2): a pipe that is closed on exec. 0, or -1 with errno.
int tantra_pipe(int descriptors[2]);

/// A program to start.
struct tantra_program {
  /// The path of the program.
  const char *executable;
  /// Its arguments, name first, NULL last.
  char *const *arguments;
  /// A descriptor that becomes its standard output and error, or -1 for /dev/null.
  int output;
  /// A descriptor that it gets as number 3, or -1.
  int inherited;
  /// Whether it leads a session of its own.
  bool new_session;
};

enum tantra_question_kind { TANTRA_STATUS, TANTRA_CONTENTS, TANTRA_ATTRIBUTE };

/// What is asked about a file.
struct tantra_question {
  enum tantra_question_kind kind;
  /// Absolute.
  const char *path;
  /// The extended attribute, if one is asked for.
  const char *attribute;
};

/// How what it writes begins.
struct tantra_answer_start {
  /// Of the process that asks.
  int pid;
};

/// How an answer ends.
struct tantra_answer_end {
  /// TANTRA_ANSWER_MARK.
  uint32_t mark;
  /// 0 or errno.
  int32_t code;
};

enum { TANTRA_ANSWER_MARK = 0x54414e53 };

/// Starts a process that asks, and that is no child of this one: a file system that does not answer keeps whoever asks from
/// ending. Into `descriptor`, a pipe, it writes a `tantra_answer_start`, the bytes that were asked for, of an attribute at most
/// 4,096, and a `tantra_answer_end`. `life` is the read end of another pipe: the process is killed when that one's write end is closed. 0, or
/// -1 with errno.
int tantra_ask(const struct tantra_question *question, int descriptor, int life);

/// Whether processes whose parents have ended become children of this one, which has to wait for them: it is the first of a
/// container (PID 1), or a subreaper (prctl(PR_GET_CHILD_SUBREAPER)).
bool tantra_adopts_processes(void);

/// posix_spawn(3): starts a program with no signal blocked, standard input from /dev/null and no other descriptor. Its pid, or -1
/// with errno.
int tantra_spawn(const struct tantra_program *program);
