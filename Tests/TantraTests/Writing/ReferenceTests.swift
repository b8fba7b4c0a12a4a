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

  /// Operations that long runs have found to differ, each as few as show it.
  private static let found = [
    // A text under a name of weights was new where it was made in a version that was frozen then, after it had left that name.
    """
    [["make_model", "large"], ["make_version", "large", "v4"], ["publish", "large", "v4", "model.bin", 2],
     ["make_folder", "large", "v4", "logs"], ["alias", "large", "best", "v4"],
     ["write", "large", "v4", "logs/names.bin", "w", "text", 0], ["remove_alias", "large", "best"],
     ["rename", "large", "v4", "logs/names.bin", "large", "v4", "names.bin"], ["remove_version", "large", "v4"],
     ["restore", "large", "v4"], ["activate", "large", "v4", "control"],
     ["write", "large", "v4", "logs/names.bin", "r+", "y", 2]]
    """
  ]

  @Test(arguments: found)
  func whatDifferedOnceDoesNotAnyMore(operations: String) throws {
    let scratch = try TemporaryFolder()
    let file = try scratch.write("operations.json", Array(operations.utf8))
    let ended = try Command.run(
      Python.interpreter,
      [
        Python.packageRoot + "/Tests/Oracles/mount_reference.py", TantraFixture.executable, scratch("run"), "--replay",
        file,
      ], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
    #expect(ended.status == 0 && ended.outputText.contains("no difference"), "\(ended.outputText)\(ended.errorText)")
  }
}
