import Glibc

/// Work that several threads share.
///
/// Dispatch has `concurrentPerform` for that. On Linux it has freed memory twice under load, which a daemon must not.
package enum ParallelWork {
  /// Runs `body` so many times at once, on this thread and on new ones, and waits until all have ended.
  ///
  /// If the system gives fewer threads, `body` runs fewer times, but once at least: each takes pieces of the work until none is
  /// left.
  package static func run(_ count: Int, _ body: @Sendable () -> Void) {
    withoutActuallyEscaping(body) { body in
      var threads: [pthread_t] = []
      while threads.count + 1 < count, let thread = PosixThread.start(body) { threads.append(thread) }
      body()
      for thread in threads { pthread_join(thread, nil) }
    }
  }

  /// How many processors there are.
  package static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
