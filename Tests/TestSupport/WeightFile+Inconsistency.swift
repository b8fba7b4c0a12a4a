import Tensors
package import WeightFormats

extension WeightFile {
  /// What is wrong with this description of a file of `byteCount` bytes; nil if every place is inside the file and the state dict
  /// can be laid out. Whatever bytes a parser accepts, this must be nil.
  package func inconsistency(byteCount: Int) -> String? {
    guard storages.count == stateDict.storageSizes.count else { return "storages and sizes differ in number" }
    guard expectedCRC32.isEmpty || expectedCRC32.count == storages.count else { return "storages and checksums differ" }
    for (index, storage) in storages.enumerated() {
      switch storage {
      case .range(let offset, let count):
        guard offset >= 0, count >= 0, count <= byteCount, offset <= byteCount - count else {
          return "storage \(index) is outside of the file"
        }
        guard count == stateDict.storageSizes[index] else { return "storage \(index) has another size" }
      case .strided(let source):
        var last = source.offset
        for (dimension, stride) in zip(source.dimensions, source.strides) {
          guard dimension > 1, stride >= 0 else { return "strided storage \(index) goes backwards" }
          last += (dimension - 1) * stride * source.elementByteCount
        }
        if let textByteCount = source.textByteCount {
          guard source.offset >= 0, textByteCount >= stateDict.storageSizes[index],
            textByteCount <= byteCount - source.offset
          else { return "strided storage \(index) is a text outside of the file" }
          continue
        }
        guard source.offset >= 0, last + source.elementByteCount <= byteCount else {
          return "strided storage \(index) reaches outside of the file"
        }
      }
    }
    for record in recordChecksums where record.range.lowerBound < 0 || record.range.upperBound > byteCount {
      return "a checksum is of \(record.range), outside of the file"
    }
    let none = StorageChecksum(digest: Digest(of: []), crc32: 0)
    let checksums = Array(repeating: none, count: stateDict.storageSizes.count)
    for format in WeightFormatCatalogue.formats {
      guard let format = format as? any SynthesizableFormat else { continue }
      do throws(FormatError) {
        let layout = try format.layout(of: stateDict, checksums: checksums)
        let byteCount = try format.byteCount(of: stateDict)
        guard byteCount == layout.byteCount else {
          return "\(format.name): measured as \(byteCount) bytes, and laid out as \(layout.byteCount)"
        }
      } catch {
        if error.code == .malformed { return "\(format.name): \(error.message)" }
      }
    }
    return nil
  }
}
