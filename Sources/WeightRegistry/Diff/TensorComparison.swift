import BlobStore
import Dispatch
import Glibc
import PosixIO
import Synchronization
import SystemPackage
import Tensors

/// Compares the values of pairs of tensors by reading both once, on all cores.
struct TensorComparison: Sendable {
  /// Two tensors of one dtype and size, each somewhere in a blob.
  struct Pair: Sendable {
    var dtype: DType
    var byteCount: Int
    var first: VersionView.Place
    var second: VersionView.Place
  }

  /// A part of a pair that one thread compares: large tensors have several, so that one of them keeps all cores busy.
  private struct Stretch: Sendable {
    var pair: Int
    var range: Range<Int>
  }

  private struct State: Sendable {
    var next = 0
    var sums: [DistanceSums?]
    var failure: PosixError?

    /// The next stretch to compare; nil if there is none, or no point in going on.
    mutating func take() -> Int? {
      guard failure == nil, next < sums.count else { return nil }
      next += 1
      return next - 1
    }
  }

  /// Multiples of every element's width.
  private static let stretchByteCount = 32 << 20
  private static let chunkByteCount = 1 << 20

  let pairs: [Pair]
  /// Told of the bytes of each tensor done since its last call, from several threads; answers whether to go on.
  let progress: @Sendable (_ bytes: Int) -> Bool

  /// - Returns: the distances, parallel to the pairs; the same on every run.
  /// - Throws: the first failed read; `EINTR` if `progress` asked to stop.
  func run() throws(PosixError) -> [TensorDistance] {
    let stretches = pairs.indices.flatMap { index in
      stride(from: 0, to: pairs[index].byteCount, by: Self.stretchByteCount).map { start in
        Stretch(pair: index, range: start..<min(start + Self.stretchByteCount, pairs[index].byteCount))
      }
    }
    let state = Mutex(State(sums: Array(repeating: nil, count: stretches.count)))
    let workers = max(1, min(stretches.count, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * Self.chunkByteCount, alignment: 4096)
      defer { buffer.deallocate() }
      while let index = state.withLock({ $0.take() }) {
        do throws(PosixError) {
          let sums = try compare(stretches[index], buffer)
          state.withLock { $0.sums[index] = sums }
        } catch {
          state.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    let (sums, failure) = state.withLock { ($0.sums, $0.failure) }
    if let failure { throw failure }
    var totals = Array(repeating: DistanceSums(), count: pairs.count)
    for (stretch, sums) in zip(stretches, sums) {
      if let sums { totals[stretch.pair] = totals[stretch.pair] + sums }
    }
    return totals.map { TensorDistance($0) }
  }

  private func compare(
    _ stretch: Stretch, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(PosixError) -> DistanceSums {
    let pair = pairs[stretch.pair]
    var sums = DistanceSums()
    var offset = stretch.range.lowerBound
    while offset < stretch.range.upperBound {
      let count = min(Self.chunkByteCount, stretch.range.upperBound - offset)
      let first = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      let second = UnsafeMutableRawBufferPointer(
        rebasing: buffer[Self.chunkByteCount..<Self.chunkByteCount + count])
      try read(pair.first, offset, into: first)
      try read(pair.second, offset, into: second)
      sums.add(UnsafeRawBufferPointer(first), UnsafeRawBufferPointer(second), as: pair.dtype)
      offset += count
      guard progress(count) else { throw PosixError(.interrupted, call: "compare", path: "") }
    }
    return sums
  }

  private func read(
    _ place: VersionView.Place, _ offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(PosixError) {
    let start = place.offset + offset
    do throws(BlobStoreError) {
      try place.bytes.read(start..<start + buffer.count, into: buffer, unless: .never)
    } catch {
      if case .system(let error) = error { throw error }
      throw PosixError(.ioError, call: "read: \(error)", path: place.bytes.name)
    }
  }
}
