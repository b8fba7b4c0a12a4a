import BlobStore
import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

/// Looks after the page cache of the blobs behind one open file: the disk is ahead of a reader that goes forward, and what
/// it has passed is not kept twice.
///
/// The kernel caches what it is answered, under the file's own name; the same bytes under the blob's name are of no use to
/// it. Blobs that were in the cache before the reader came are left there: somebody else uses them.
final class ReadStream: Sendable {
  /// Bytes that are looked after at once; a power of two.
  private static let blockByteCount = 8 << 20
  /// How many blocks are read ahead, and how many stay behind the reader: requests overtake each other.
  private static let ahead = 2
  private static let behind = 2

  private struct State: Sendable {
    /// The block that the reader is in; nil before its first request.
    var current: Int?
    /// The first block that was not looked at yet.
    var next = 0
    /// Blocks that were not in the cache, and that the reader has not left behind.
    var cold: Set<Int> = []
  }

  private let view: VersionView
  private let state = Mutex(State())

  init(_ view: VersionView) { self.view = view }

  /// Call it before a request is answered.
  func advance(to offset: Int, count: Int) {
    guard offset >= 0, count > 0, offset < view.byteCount else { return }
    let block = (min(offset, view.byteCount - count) + count - 1) / Self.blockByteCount
    let (ahead, behind) = state.withLock { state -> (Range<Int>, [Int]) in
      if let current = state.current, (current - Self.behind...current).contains(block) { return (0..<0, []) }
      let isForward = block == state.current.map { $0 + 1 } ?? 0
      state.current = block
      if !isForward {
        // Somebody who jumps is not helped by reading ahead, and may come back.
        state.next = block + 1
        state.cold = []
        return (0..<0, [])
      }
      let end = min(block + 1 + Self.ahead, (view.byteCount - 1) / Self.blockByteCount + 1)
      let fresh = max(block, state.next)..<max(block, state.next, end)
      state.next = fresh.upperBound
      let passed = state.cold.filter { $0 < block - Self.behind }
      state.cold.subtract(passed)
      return (fresh, Array(passed))
    }
    for block in ahead where prepare(block) { state.withLock { _ = $0.cold.insert(block) } }
    for block in behind { drop(block) }
  }

  /// The file is closed: what it needed last is not needed any more.
  func finish() {
    let cold = state.withLock { state in
      defer { state.cold = [] }
      return state.cold
    }
    for block in cold { drop(block) }
  }

  /// Begins to read a block; whether most of it was not in the cache.
  private func prepare(_ block: Int) -> Bool {
    let ranges = ranges(of: block)
    let wanted = ranges.reduce(0) { $0 + $1.range.count }
    // What the page cache does makes nothing wrong: a kernel that does not tell, or does not listen, is no error.
    do throws(PosixError) {
      var cached = 0
      for (file, range) in ranges { cached += try file.cachedByteCount(in: range) }
      guard cached < wanted / 2 else { return false }
    } catch {}
    do throws(PosixError) { for (file, range) in ranges { try file.readAhead(range) } } catch {}
    return true
  }

  private func drop(_ block: Int) {
    do throws(PosixError) { for (file, range) in ranges(of: block) { try file.dropCache(range) } } catch {}
  }

  /// The parts of files that a block is made of.
  private func ranges(of block: Int) -> [(file: OpenedFile, range: Range<Int>)] {
    var ranges: [(file: OpenedFile, range: Range<Int>)] = []
    for stretch in view.stretches(offset: block * Self.blockByteCount, count: Self.blockByteCount) {
      guard case .stored(let bytes, let range) = stretch, let file = bytes.localFile else { continue }
      // Padding and headers lie between tensors that follow each other in a file: one call serves them all.
      if let last = ranges.last, last.file === file, (0...4096).contains(range.lowerBound - last.range.upperBound) {
        ranges[ranges.count - 1].range = last.range.lowerBound..<range.upperBound
      } else {
        ranges.append((file, range))
      }
    }
    return ranges
  }
}
