import Glibc
import PosixIO
import Synchronization
import SystemPackage

/// The ways in which programs read weights.
struct FileReader: Sendable {
  private static let bufferByteCount = 1 << 20

  let stop: StopCheck

  /// Reads a file from its beginning to its end with `read(2)` into a buffer of 1 MiB: the bytes read.
  func readThrough(_ path: String) throws -> Int {
    let file = try OpenedFile.open(path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferByteCount, alignment: 4096)
    defer { buffer.deallocate() }
    var total = 0
    while true {
      // Not by systemCall, which would go on reading after a signal that asks to stop.
      let count = Glibc.read(file.descriptor.rawValue, buffer.baseAddress, buffer.count)
      if count == 0 { return total }
      if count < 0, errno != EINTR { throw PosixError(Errno(rawValue: errno), call: "read", path: path) }
      total += max(0, count)
      try stop()
    }
  }

  /// Maps a file and adds up a word of each 64 bytes, in order: the bytes mapped.
  func mapThrough(_ path: String) throws -> Int {
    let mapped = try MappedFile(OpenedFile.open(path))
    let words = mapped.bytes.bindMemory(to: UInt64.self)
    var sum: UInt64 = 0
    for start in stride(from: 0, to: words.count, by: 1 << 17) {
      for index in stride(from: start, to: min(start + 1 << 17, words.count), by: 8) { sum &+= words[index] }
      try stop()
    }
    Self.keep(sum)
    return mapped.byteCount
  }

  /// Touches `count` pages of a mapping in an order that `seed` decides; fewer if the user wants to stop.
  func touch(_ mapped: MappedFile, count: Int, seed: UInt64) {
    let pages = max(1, mapped.byteCount / 4096)
    var random = RandomWords(seed: seed)
    var sum: UInt8 = 0
    for start in stride(from: 0, to: count, by: 64) where !stop.isRequested() {
      for _ in start..<min(count, start + 64) {
        let page = Int(truncatingIfNeeded: random.next() >> 1) % pages
        sum &+= mapped.bytes[page * 4096]
      }
    }
    Self.keep(UInt64(sum))
  }

  /// Maps a file and faults it in at random from `threadCount` threads, each touching as many pages as the file has
  /// divided by their number: the bytes of those pages.
  func faultThrough(_ path: String, threadCount: Int) throws -> Int {
    let mapped = try MappedFile(OpenedFile.open(path))
    let count = max(1, mapped.byteCount / 4096 / threadCount)
    try Threads.run(threadCount) { touch(mapped, count: count, seed: UInt64($0 + 1)) }
    try stop()
    return count * threadCount * 4096
  }

  /// Reads `count` pages of a file with `pread(2)`, in an order that `seed` decides: their number.
  func readPages(_ path: String, count: Int, seed: UInt64) throws -> Int {
    let file = try OpenedFile.open(path)
    // The kernel would read more than what is wanted.
    try file.expectRandomReads()
    let pages = max(1, try file.status().size / 4096)
    var random = RandomWords(seed: seed)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
    defer { buffer.deallocate() }
    for _ in 0..<count {
      _ = try file.read(at: Int(truncatingIfNeeded: random.next() >> 1) % pages * 4096, into: buffer)
      try stop()
    }
    return count
  }

  private static let sink = Atomic<UInt64>(0)

  /// Puts a result where somebody could look at it, so that the compiler has it computed.
  private static func keep(_ value: UInt64) { sink.store(value, ordering: .relaxed) }
}
