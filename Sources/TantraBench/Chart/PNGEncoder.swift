import CDeflate

/// Writes pictures as PNG (ISO/IEC 15948): 8 bits each of red, green and blue.
enum PNGEncoder {
  /// The bytes of a PNG file.
  ///
  /// - Parameter pixels: three bytes each, row by row from the top; `3 * width * height` of them.
  static func encode(width: Int, height: Int, pixels: [UInt8]) -> [UInt8] {
    precondition(pixels.count == 3 * width * height, "a picture that is not as large as it says")
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    // Width, height, bits, color type 2 (RGB), and compression, filters and interlacing as they always are.
    chunk("IHDR", bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0], into: &file)
    // Each row begins with the number of its filter; 0 is none.
    var rows: [UInt8] = []
    rows.reserveCapacity(pixels.count + height)
    for row in 0..<height {
      rows.append(0)
      rows += pixels[3 * width * row..<3 * width * (row + 1)]
    }
    chunk("IDAT", compress(rows), into: &file)
    chunk("IEND", [], into: &file)
    return file
  }

  /// Length, type, data, and the CRC-32 of type and data.
  private static func chunk(_ type: String, _ data: [UInt8], into file: inout [UInt8]) {
    let body = Array(type.utf8) + data
    file += bigEndian(data.count) + body
    file += bigEndian(Int(libdeflate_crc32(0, body, body.count)))
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: value).bigEndian) { Array($0) }
  }

  /// A zlib stream (RFC 1950).
  private static func compress(_ bytes: [UInt8]) -> [UInt8] {
    guard let compressor = libdeflate_alloc_compressor(9) else { preconditionFailure("no memory for a compressor") }
    defer { libdeflate_free_compressor(compressor) }
    let bound = libdeflate_zlib_compress_bound(compressor, bytes.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = libdeflate_zlib_compress(compressor, bytes, bytes.count, buffer.baseAddress, buffer.count)
    }
  }
}
