import Glibc
import PosixIO

/// Brings files into the page cache and out of it.
enum PageCache {
  /// How files were taken out of it so far, for the report.
  enum Method: String, Codable {
    case advice = "posix_fadvise(DONTNEED) on the file"
    case everything = "posix_fadvise(DONTNEED) on the file, then /proc/sys/vm/drop_caches"
  }

  /// Whether the kernel tells what is cached: `cachestat(2)`.
  static func canCount(at path: String) -> Bool {
    do {
      _ = try cachedByteCount(path)
      return true
    } catch {
      return false
    }
  }

  static func cachedByteCount(_ path: String) throws -> Int { try OpenedFile.open(path).cachedByteCount() }

  /// Reads the file, unless all of it is cached already.
  static func warm(_ path: String) throws {
    let file = try OpenedFile.open(path)
    if canCount(at: path), try file.cachedByteCount() >= file.status().size { return }
    _ = try FileReader.readThrough(path)
  }

  /// Takes a file of a local file system out of the cache, and what the mount keeps of `views` made from it.
  ///
  /// - Throws: ``BenchLine/Skipped`` if a part of it stays.
  @discardableResult
  static func drop(_ path: String, views: [String]) throws -> Method {
    for view in views { try OpenedFile.open(view).dropCache() }
    let file = try OpenedFile.open(path)
    let size = try file.status().size
    // Only clean pages go.
    try file.synchronize()
    func isGone() throws -> Bool { try !canCount(at: path) || file.cachedByteCount() * 100 <= size }
    for _ in 0..<3 {
      try file.dropCache()
      if try isGone() { return .advice }
    }
    if geteuid() == 0 {
      dropEverything()
      if try isGone() { return .everything }
    }
    throw BenchLine.Skipped(
      reason: "\(Console.size(try file.cachedByteCount())) of \(Console.size(size)) stay in the page cache")
  }

  /// As ``drop(_:views:)``, but what stays may stay.
  static func forget(_ path: String, views: [String]) throws {
    for path in views + [path] { try OpenedFile.open(path).dropCache() }
  }

  private static func dropEverything() {
    let descriptor = Glibc.open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // 1: pages alone. Names and inodes stay, as they would for a program that opens a file whose data is cold.
    Console.write("1\n", to: descriptor)
  }
}
