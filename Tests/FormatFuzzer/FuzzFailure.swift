import Tensors
import WeightFormats

/// A parser accepted an input and described it wrongly.
struct FuzzFailure: Error, CustomStringConvertible {
  let description: String

  /// Checks that every place in a description is inside the file, and that it can be laid out.
  static func check(_ file: WeightFile, byteCount: Int) throws {
    func require(_ condition: Bool, _ what: String) throws {
      guard condition else { throw FuzzFailure(description: what) }
    }
    let state = file.stateDict
    try require(file.storages.count == state.storageSizes.count, "storages and sizes differ in number")
    try require(
      file.expectedCRC32.isEmpty || file.expectedCRC32.count == file.storages.count, "checksums and storages differ")
    for (index, storage) in file.storages.enumerated() {
      switch storage {
      case .range(let offset, let count):
        try require(offset >= 0 && count >= 0 && offset + count <= byteCount, "storage \(index) is outside of the file")
        try require(count == state.storageSizes[index], "storage \(index) has another size")
      case .strided(let source):
        var last = source.offset
        for (dimension, stride) in zip(source.dimensions, source.strides) {
          try require(dimension > 0 && stride >= 0, "strided storage \(index) goes backwards")
          last += (dimension - 1) * stride * source.elementByteCount
        }
        try require(
          source.offset >= 0 && last + source.elementByteCount <= byteCount, "storage \(index) reaches outside")
      }
    }
    for record in file.recordChecksums {
      try require(record.range.lowerBound >= 0 && record.range.upperBound <= byteCount, "a checksum is of no place")
    }
    let none = StorageChecksum(digest: Digest(of: []), crc32: 0)
    let checksums = Array(repeating: none, count: state.storageSizes.count)
    for view in WeightFormatCatalogue.views where view.name != "bin" {
      do throws(FormatError) {
        _ = try view.format.layout(of: state, checksums: checksums)
      } catch {
        try require(error.code != .malformed, "\(view.name): \(error.message)")
      }
    }
  }
}
