import CFuse
import Glibc

/// A condition that is set once and that poll(2) can wait for.
final class Latch: Sendable {
  let descriptor: CInt

  init() throws(MountError) {
    descriptor = cfuse_event_descriptor()
    guard descriptor >= 0 else { throw .systemResource("no event descriptor", errno: -descriptor) }
  }

  deinit { close(descriptor) }

  func set() { cfuse_event_set(descriptor) }

  /// Waits until one of `descriptors` is readable, and returns the first that is; nil after `limit`.
  static func wait(for descriptors: [CInt], limit: Duration? = nil) -> CInt? {
    let clock = ContinuousClock()
    let deadline = limit.map { clock.now + $0 }
    while true {
      var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let count = poll(&polled, nfds_t(polled.count), deadline.map { milliseconds(until: $0, clock) } ?? -1)
      if count > 0 { return polled.first { $0.revents != 0 }?.fd }
      if count < 0, errno != EINTR { return nil }
      if let deadline, clock.now >= deadline { return nil }
    }
  }

  private static func milliseconds(until deadline: ContinuousClock.Instant, _ clock: ContinuousClock) -> CInt {
    let left = (deadline - clock.now).components
    guard left.seconds >= 0, left.attoseconds >= 0 else { return 0 }
    // Longer waits come round again.
    return left.seconds > 1000
      ? 1_000_000 : CInt(left.seconds) * 1000 + CInt(left.attoseconds / 1_000_000_000_000_000) + 1
  }
}
