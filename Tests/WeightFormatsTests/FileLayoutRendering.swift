import Foundation
import WeightFormats

extension FileLayout {
  /// The bytes of `range`, all of the file unless told otherwise, with storages taken from `storages`.
  func rendered(_ range: Range<Int>? = nil, storages: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    forEachPiece(in: range ?? 0..<byteCount) { segment, part in
      switch segment {
      case .literal(let literal): bytes.append(contentsOf: literal.dropFirst(part.lowerBound).prefix(part.count))
      case .storage(let index, let offset, _):
        bytes.append(contentsOf: storages[index][offset + part.lowerBound..<offset + part.upperBound])
      }
    }
    return bytes
  }

  /// Writes the file with holes where storages are that `storages` says nothing of.
  func writeSparsely(to path: String, storages: [Int: [UInt8]]) throws {
    try Data().write(to: URL(fileURLWithPath: path))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { file.closeFile() }
    try file.truncate(atOffset: UInt64(byteCount))
    var position: UInt64 = 0
    try forEachPiece(in: 0..<byteCount) { segment, part in
      var bytes: [UInt8] = []
      switch segment {
      case .literal(let literal): bytes = Array(literal)
      case .storage(let index, let offset, let count):
        if let storage = storages[index] { bytes = Array(storage[offset..<offset + count]) }
      }
      if !bytes.isEmpty {
        try file.seek(toOffset: position)
        try file.write(contentsOf: Data(bytes))
      }
      position += UInt64(part.count)
    }
  }
}

/// Where and how two files differ first; nil if they are equal.
func firstDifference(_ found: [UInt8], _ expected: [UInt8]) -> String? {
  if found == expected { return nil }
  let offset = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? min(found.count, expected.count)
  func excerpt(_ bytes: [UInt8]) -> String {
    let part = bytes[min(max(offset - 16, 0), bytes.count)..<min(offset + 32, bytes.count)]
    return part.map { $0 > 0x20 && $0 < 0x7F ? String(UnicodeScalar($0)) : "\\" + String($0, radix: 16) }.joined()
  }
  return
    "\(found.count) and \(expected.count) bytes, differ at \(offset): found \(excerpt(found)), expected \(excerpt(expected))"
}
