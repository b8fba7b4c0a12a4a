import CFuse
import Glibc

/// INT, TERM and HUP as something to wait for instead of something that ends the process.
///
/// To be made before the process has other threads: they inherit that the three are blocked. PIPE is ignored from then on.
package final class StopSignals: Sendable {
  let descriptor: CInt

  package init() throws(MountError) {
    descriptor = cfuse_stop_signals_descriptor()
    guard descriptor >= 0 else { throw .systemResource("signals cannot be waited for", errno: -descriptor) }
  }

  deinit { close(descriptor) }

  /// The signal that has come, if one has.
  func take() -> CInt? {
    let number = cfuse_take_stop_signal(descriptor)
    return number == 0 ? nil : number
  }
}
