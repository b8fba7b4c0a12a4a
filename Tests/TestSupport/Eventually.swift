import Glibc

/// Waits until `condition` holds, at most for `seconds`: long enough for a machine that has much other work.
///
/// - Returns: whether it holds.
package func eventually(within seconds: Double = 60, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while true {
    if try condition() { return true }
    if ContinuousClock.now >= deadline { return false }
    usleep(10_000)
  }
}
