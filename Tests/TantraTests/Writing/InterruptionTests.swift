import Foundation
import TestSupport
import Testing

/// Ctrl-C ends what takes long: a close that hashes gigabytes, a rename that imports, a request that validates.
@Suite("Promise 3: interrupted calls", canMount, .onWaitingThreads) struct InterruptionTests {
  let mount: WritingFixture

  init() throws { mount = try WritingFixture() }

  @Test func aSignalEndsEveryLongCallWithEINTRAndChangesNothing() throws {
    // Enough to take longer than the signal; TANTRA_TEST_INTERRUPT_BYTES takes more.
    let bytes = ProcessInfo.processInfo.environment["TANTRA_TEST_INTERRUPT_BYTES"] ?? "\(256 << 20)"
    let delays = try mount.succeed(
      """
      mkdir small; cp -r $IN/full small/v1.0
      python $ORACLES/mount_interrupt.py $MNT $MNT/small \(bytes)
      """)
    print("milliseconds from a signal to EINTR: \(delays)")
  }
}
