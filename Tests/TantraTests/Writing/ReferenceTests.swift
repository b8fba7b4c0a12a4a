import Foundation
import TestSupport
import Testing

/// Thousands of random operations, compared with a simple model of the mount in memory.
@Suite(canMount, .onWaitingThreads) struct ReferenceTests {
  /// `TANTRA_TEST_OPERATIONS` says how many, `TANTRA_TEST_SEED` which. Without `--as-it-is` the program looks for the fewest that differ.
  @Test func randomOperationsAgreeWithASimpleModel() throws {
    let environment = ProcessInfo.processInfo.environment
    let scratch = try TemporaryFolder()
    let ended = try Command.run(
      Python.interpreter,
      [
        Python.packageRoot + "/Tests/Oracles/mount_reference.py", TantraFixture.executable, scratch("run"),
        "--operations", environment["TANTRA_TEST_OPERATIONS"] ?? "5000",
        "--seed", environment["TANTRA_TEST_SEED"] ?? "1", "--as-it-is",
      ], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
    #expect(ended.status == 0, "\(ended.outputText)\(ended.errorText)")
    #expect(ended.outputText.contains("no difference"))
  }
}
