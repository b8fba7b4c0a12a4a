import BlobStore
import PosixIO
import Tensors

/// Compares the values of pairs of tensors by reading both once, on all cores.
struct TensorComparison: Sendable {
  /// Where the bytes of a tensor begin.
  struct Origin: Sendable {
    var bytes: any StoredBytes
    var offset: Int
  }

  /// Two tensors of one dtype and size, each somewhere in a blob.
  struct Pair: Sendable {
    var dtype: DType
    var byteCount: Int
    var first: Origin
    var second: Origin
  }

  /// Bytes of a tensor that one thread compares: large tensors have several stretches, so that one of them keeps all cores
  /// busy. A multiple of every element's width.
  private static let stretchByteCount = 32 << 20

  let pairs: [Pair]
  /// Told of the bytes of each tensor done since its last call, from several threads; answers whether to go on.
  let progress: RangeScanner.Progress

  /// - Returns: the distances, parallel to the pairs; the same on every run.
  /// - Throws: the first failed read; `EINTR` if `progress` asked to stop.
  func run() throws(PosixError) -> [TensorDistance] {
    var owners: [Int] = []
    var ranges: [Range<Int>] = []
    for (index, pair) in pairs.enumerated() {
      for start in stride(from: 0, to: pair.byteCount, by: Self.stretchByteCount) {
        owners.append(index)
        // A chunk is a part of the first tensor, and then the same part of the second.
        ranges.append(2 * start..<2 * min(start + Self.stretchByteCount, pair.byteCount))
      }
    }
    let (stretches, pairs, progress) = (owners, pairs, progress)
    let scanner = RangeScanner(progress: { progress($0 / 2) }) { (index, offset, buffer) throws(PosixError) in
      let (pair, half) = (pairs[stretches[index]], buffer.count / 2)
      for (tensor, part) in [(pair.first, buffer[..<half]), (pair.second, buffer[half...])] {
        try RangeScanner.read(
          tensor.bytes, tensor.offset + offset / 2, UnsafeMutableRawBufferPointer(rebasing: part))
      }
    }
    let sums = try scanner.scan(ranges, into: DistanceSums()) { sums, index, chunk in
      let half = chunk.count / 2
      sums.add(
        UnsafeRawBufferPointer(rebasing: chunk[..<half]), UnsafeRawBufferPointer(rebasing: chunk[half...]),
        as: pairs[stretches[index]].dtype)
    }
    var totals = Array(repeating: DistanceSums(), count: pairs.count)
    for (pair, sum) in zip(owners, sums) { totals[pair] = totals[pair] + sum }
    return totals.map { TensorDistance($0) }
  }
}
