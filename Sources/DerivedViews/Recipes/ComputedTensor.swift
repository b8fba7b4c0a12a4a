import BlobStore
import CQuantize
import PosixIO
import Tensors
import WeightRegistry

/// A tensor that is computed when it is read, from the parts of a stored one that the bytes depend on.
///
/// To whoever reads, it is bytes like any others that no local file has.
final class ComputedTensor: StoredBytes {
  let name: String
  let byteCount: Int
  private let recipe: Recipe
  private let source: StoredTensor
  private let element: tantra_element

  /// Elements that are computed at once: they stay in the processor's cache.
  private static let batchElementCount = 1 << 14

  /// nil if the elements cannot be read as floats, or there is no such size.
  init?(_ recipe: Recipe, of source: StoredTensor) {
    guard let element = kernelElement(of: source.dtype), let width = source.dtype.byteWidth,
      let byteCount = recipe.byteCount(ofElements: source.byteCount / width, source.dtype)
    else { return nil }
    name = "what is computed of \(source.name)"
    self.byteCount = byteCount
    self.recipe = recipe
    self.source = source
    self.element = element
  }

  var localFile: OpenedFile? { nil }

  /// Whatever is computed may depend on any part of the tensor.
  func isAtHand(_ range: Range<Int>) -> Bool { source.bytes.isAtHand(source.offset..<source.offset + source.byteCount) }

  private var elementWidth: Int { source.dtype.byteWidth ?? 1 }

  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    guard range.lowerBound >= 0, range.upperBound <= byteCount, buffer.count >= range.count else {
      throw .damaged(name, "it has \(byteCount) bytes, and \(range) were asked for")
    }
    guard !range.isEmpty else { return }
    let (unitElements, unitBytes) = (recipe.unitElementCount, recipe.unitByteCount(source.dtype))
    let batch = max(1, Self.batchElementCount / unitElements)
    let floats = UnsafeMutablePointer<Float>.allocate(capacity: batch * unitElements)
    let raw = UnsafeMutableRawBufferPointer.allocate(
      byteCount: batch * unitElements * elementWidth, alignment: MemoryLayout<Double>.alignment)
    let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: batch * unitBytes)
    defer {
      floats.deallocate()
      raw.deallocate()
      scratch.deallocate()
    }
    var unit = range.lowerBound / unitBytes
    while unit * unitBytes < range.upperBound {
      let units = min(batch, (range.upperBound - unit * unitBytes + unitBytes - 1) / unitBytes)
      try fill(floats, raw, elements: unit * unitElements, count: units * unitElements, interruption)
      let start = unit * unitBytes
      let whole = start..<start + units * unitBytes
      let wanted = whole.clamped(to: range)
      if wanted == whole, let target = buffer.baseAddress {
        let output = (target + (start - range.lowerBound)).assumingMemoryBound(to: UInt8.self)
        recipe.compute(floats, units: units, source.dtype, into: output)
      } else {
        recipe.compute(floats, units: units, source.dtype, into: scratch)
        let part = UnsafeRawBufferPointer(start: scratch + (wanted.lowerBound - start), count: wanted.count)
        UnsafeMutableRawBufferPointer(rebasing: buffer[(wanted.lowerBound - range.lowerBound)...]).copyMemory(
          from: part)
      }
      unit += units
      if unit * unitBytes < range.upperBound { try check(interruption) }
    }
  }

  private func check(_ interruption: Interruption) throws(BlobStoreError) {
    do throws(PosixError) { try interruption.check("read", name) } catch { throw .system(error) }
  }

  /// Reads elements as floats; what lies beyond the last is zero.
  private func fill(
    _ floats: UnsafeMutablePointer<Float>, _ raw: UnsafeMutableRawBufferPointer, elements first: Int, count: Int,
    _ interruption: Interruption
  ) throws(BlobStoreError) {
    let available = min(count, max(0, source.byteCount / elementWidth - first))
    let isPlain = source.dtype == .float32
    let target =
      isPlain
      ? UnsafeMutableRawBufferPointer(start: floats, count: available * 4)
      : UnsafeMutableRawBufferPointer(rebasing: raw[..<(available * elementWidth)])
    try readElements(first..<first + available, into: target, interruption)
    if !isPlain, let start = target.baseAddress { tantra_to_floats(element, start, available, floats) }
    for index in available..<count { floats[index] = 0 }
  }

  /// Reads elements, in the order of rows that the recipe has.
  private func readElements(
    _ elements: Range<Int>, into target: UnsafeMutableRawBufferPointer, _ interruption: Interruption
  ) throws(BlobStoreError) {
    guard let rows = recipe.rows else {
      return try readStored(elements.lowerBound, into: target, interruption)
    }
    var position = elements.lowerBound
    var done = 0
    while position < elements.upperBound {
      // Rows that follow each other in the store, too, are read at once.
      let row = position / rows.width
      let stored = rows.storedRow(at: row)
      var run = 1
      while (row + run) * rows.width < elements.upperBound, rows.storedRow(at: row + run) == stored + run { run += 1 }
      let end = min(elements.upperBound, (row + run) * rows.width)
      let bytes = (end - position) * elementWidth
      try readStored(
        stored * rows.width + position % rows.width,
        into: UnsafeMutableRawBufferPointer(rebasing: target[done..<done + bytes]), interruption)
      done += bytes
      position = end
    }
  }

  private func readStored(
    _ element: Int, into target: UnsafeMutableRawBufferPointer, _ interruption: Interruption
  ) throws(BlobStoreError) {
    if target.isEmpty { return }
    let start = element * elementWidth
    guard start >= 0, start + target.count <= source.byteCount else {
      throw .damaged(name, "it would need bytes \(start)..<\(start + target.count) of \(source.byteCount)")
    }
    let offset = source.offset + start
    try source.bytes.read(offset..<offset + target.count, into: target, unless: interruption)
  }
}
