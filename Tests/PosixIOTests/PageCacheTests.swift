import PosixIO
import SystemPackage
import TestSupport
import Testing

@Suite struct PageCacheTests {
  private static let byteCount = 3 << 20

  /// nil before Linux 6.5, which does not tell.
  private func cachedByteCount(of file: OpenedFile) throws -> Int? {
    do {
      return try file.cachedByteCount()
    } catch {
      guard error.errno == .noFunction else { throw error }
      return nil
    }
  }

  @Test func whatIsWrittenIsCachedUntilItIsDropped() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.write("file", Array(repeating: 7, count: Self.byteCount))
    let file = try OpenedFile.open(path)
    try file.synchronize()
    let before = try cachedByteCount(of: file)
    #expect(before.map { $0 >= Self.byteCount } != false)
    try file.dropCache()
    let after = try cachedByteCount(of: file)
    // A file system that lives in memory keeps them.
    let isInMemory = try Command.run("stat", ["-f", "-c", "%T", path]).outputText == "tmpfs\n"
    #expect(after.map { $0 < Self.byteCount } != false || isInMemory)
    #expect(try scratch.read("file") == Array(repeating: 7, count: Self.byteCount))
    let again = try cachedByteCount(of: file)
    #expect(again.map { $0 >= Self.byteCount } != false)
  }
}
