import Glibc
import PosixIO
import Tensors

/// Brings files into the page cache and out of it.
struct PageCache {
  let reader: FileReader

  /// Whether the kernel tells what is cached: `cachestat(2)`.
  func canCount(at path: String) -> Bool {
    do {
      _ = try cachedByteCount(path)
      return true
    } catch {
      return false
    }
  }

  /// Bytes of the file that are in the page cache.
  func cachedByteCount(_ path: String) throws -> Int { try OpenedFile.open(path).cachedByteCount() }

  /// Reads the file, unless all of it is cached already.
  func warm(_ path: String) throws {
    let file = try OpenedFile.open(path)
    if canCount(at: path), try file.cachedByteCount() >= file.status().size { return }
    _ = try reader.readThrough(path)
  }

  /// Takes a file of a local file system out of the cache, and what the mount keeps of `views` made from it.
  ///
  /// - Throws: ``BenchLine/Skipped`` if a part of it stays.
  func drop(_ path: String, views: [String]) throws -> ColdMethod {
    try forget(views)
    let file = try OpenedFile.open(path)
    let size = try file.status().size
    // Only clean pages go.
    try file.synchronize()
    func isGone() throws -> Bool { try !canCount(at: path) || file.cachedByteCount() * 100 <= size }
    for _ in 0..<3 {
      try file.dropCache()
      if try isGone() { return .advice }
    }
    if geteuid() == 0, dropEverything(), try isGone() { return .everything }
    let left = ByteCount(bytes: try file.cachedByteCount())
    throw BenchLine.Skipped(reason: "\(left) of \(ByteCount(bytes: size)) stay in the page cache")
  }

  /// Empties the cache; false where the system does not let that happen.
  private func dropEverything() -> Bool {
    do {
      // 1: pages alone. Names and inodes stay, as they would for a program that opens a file whose data is cold.
      try SystemFile.write("1\n", to: "/proc/sys/vm/drop_caches")
      return true
    } catch {
      return false
    }
  }

  /// Takes files out of the cache as far as that goes.
  func forget(_ paths: [String]) throws {
    for path in paths { try OpenedFile.open(path).dropCache() }
  }
}
