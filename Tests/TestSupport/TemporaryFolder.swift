import Foundation

/// A fresh folder that is removed, with all that is in it, when the last reference goes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    let base = FileManager.default.temporaryDirectory.appendingPathComponent("tantra-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
    path = base.path
  }

  deinit {
    // A test that leaves a mount behind must not have its store deleted through it; removal stops at the busy mountpoint.
    // A file that is just becoming a blob cannot be removed before it is one.
    for attempt in 1...20 {
      do { return try FileManager.default.removeItem(atPath: path) } catch {
        if attempt == 20 { print("could not remove \(path): \(error)") }
        usleep(100_000)
      }
    }
  }

  /// The path of `name` in the folder.
  package func callAsFunction(_ name: String) -> String { path + "/" + name }
}
