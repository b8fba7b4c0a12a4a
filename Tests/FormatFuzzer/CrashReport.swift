import Glibc

/// Says which input was being parsed when the process is killed by a trap or by the watchdog.
enum CrashReport {
  /// Written by the one thread that fuzzes, read by the signal handler on that thread.
  nonisolated(unsafe) private static let current: UnsafeMutablePointer<UInt64> = {
    let pointer = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    pointer.initialize(to: 0)
    return pointer
  }()

  /// Seconds of processor time that 1024 inputs may take before the watchdog ends the process. What else runs on the machine does
  /// not count.
  private static let watchdogSeconds = 60

  /// Installs the handlers.
  static func install() {
    current.pointee = 0
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGPROF] {
      signal(number) { number in
        CrashReport.say(number)
        _exit(3)
      }
    }
  }

  /// Notes the input that comes next.
  static func watch(_ number: UInt64) {
    current.pointee = number
    if number % 1024 == 0 { setWatchdog(watchdogSeconds) }
  }

  /// Calls the watchdog off.
  static func stop() { setWatchdog(0) }

  private static func setWatchdog(_ seconds: Int) {
    var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: seconds, tv_usec: 0))
    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
  }

  /// Writes with nothing that a signal handler must not call.
  private static func say(_ signal: Int32) {
    write("\ncrash: input ")
    write(current.pointee)
    write(signal == SIGPROF ? " hangs\n" : " ended the process\n")
  }

  private static func write(_ text: StaticString) { _ = Glibc.write(2, text.utf8Start, text.utf8CodeUnitCount) }

  private static func write(_ number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      var digit = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10)
      _ = Glibc.write(2, &digit, 1)
      divisor /= 10
    }
  }
}
