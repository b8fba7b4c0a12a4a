import CDeflate

/// A running CRC-32 (the polynomial of zip and zlib), computed by libdeflate.
package struct CRC32: Sendable {
  /// The checksum of the bytes seen so far; 0 before the first.
  package private(set) var value: UInt32 = 0

  package init() {}

  /// Folds `bytes` in.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    // libdeflate takes a null buffer for "start", so an empty buffer must not reach it.
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    value = libdeflate_crc32(value, base, bytes.count)
  }

  /// The checksum of `bytes`.
  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = CRC32()
    bytes.withUnsafeBytes { crc.update($0) }
    return crc.value
  }
}
