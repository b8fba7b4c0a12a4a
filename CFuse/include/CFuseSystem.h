// System calls that Swift's importer does not offer. All return 0 or more on success and a negative errno on failure.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/// umount2; `lazy` detaches a file system that is in use. Never follows a symbolic link.
int cfuse_unmount(const char *path, bool lazy);

/// A descriptor that is readable once a process has ended, or -errno. Its number must not be that of a thread.
int cfuse_open_process(pid_t process);

/// An eventfd that is closed on exec.
int cfuse_event_descriptor(void);

/// Adds to an eventfd: whoever polls it wakes up.
int cfuse_event_set(int descriptor);

/// Blocks INT, TERM and HUP in this thread and those it starts, ignores PIPE, and returns a descriptor that is readable
/// when one of the three has come.
int cfuse_stop_signals_descriptor(void);

/// Takes one signal from such a descriptor: its number, or 0 if there is none.
int cfuse_take_stop_signal(int descriptor);

/// The signal that wakes a worker out of a blocking call and does nothing else.
int cfuse_wake_signal(void);

/// Installs the handler of that signal.
int cfuse_install_wake_handler(void);

/// Blocks, in this thread, each signal but the one that wakes it and those that a fault raises.
void cfuse_block_signals_in_worker(void);

/// Sends libfuse's messages to `handler`, as text without a newline, with their syslog level.
void cfuse_set_log_handler(void (*handler)(int level, const char *message));
