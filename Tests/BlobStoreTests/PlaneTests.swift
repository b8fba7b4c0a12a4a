import CPlanes
import TestSupport
import Testing

/// Blocks by themselves: what is coded is what is decoded, and nothing else is.
@Suite struct PlaneTests {
  private static let bound = 136 << 10

  /// Codes a block.
  private func encode(_ bytes: [UInt8], base: [UInt8]? = nil) throws -> (coded: [UInt8], transform: UInt8) {
    let encoder = try #require(tantra_encoder_make())
    defer { tantra_encoder_free(encoder) }
    var coded = [UInt8](repeating: 0, count: Self.bound)
    var transform: UInt8 = 0
    let size =
      if let base {
        tantra_encode_block(encoder, bytes, base, bytes.count, &coded, &transform)
      } else {
        tantra_encode_block(encoder, bytes, nil, bytes.count, &coded, &transform)
      }
    try #require(size > 0)
    return (Array(coded.prefix(size)), transform)
  }

  /// Decodes a block; nil if it is none.
  private func decode(_ coded: [UInt8], _ transform: UInt8, _ count: Int, base: [UInt8]? = nil) throws -> [UInt8]? {
    let decoder = try #require(tantra_decoder_make())
    defer { tantra_decoder_free(decoder) }
    var bytes = [UInt8](repeating: 0xAA, count: count + 8)
    let isDone =
      if let base {
        tantra_decode_block(decoder, coded, coded.count, transform, base, &bytes, count)
      } else {
        tantra_decode_block(decoder, coded, coded.count, transform, nil, &bytes, count)
      }
    #expect(bytes.suffix(8).allSatisfy { $0 == 0xAA }, "it wrote behind the end")
    return isDone == 1 ? Array(bytes.prefix(count)) : nil
  }

  private static let sizes = [1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 1000, 4097, 65_535, 65_537, 131_071, 131_072]

  @Test(arguments: sizes, [1, 2, 4, 8])
  func blocksOfAnySizeComeBack(size: Int, width: Int) throws {
    let weights =
      width == 8
      ? (0..<size).map { UInt8(truncatingIfNeeded: $0 % 8 == 0 ? $0 / 8 : $0 % 8 == 1 ? $0 / 2048 : 0) }
      : width == 1 ? WeightBytes.noise(size).map { $0 & 7 } : WeightBytes.make(size, width: width)
    for bytes in [weights, WeightBytes.noise(size), [UInt8](repeating: 0, count: size)] {
      let (coded, transform) = try encode(bytes)
      #expect(coded.count <= size + size / 16 + 80)
      #expect(try decode(coded, transform, size) == bytes, "transform \(transform)")
    }
  }

  @Test(arguments: sizes)
  func differencesComeBackWithTheirBaseAlone(size: Int) throws {
    let base = WeightBytes.make(size, width: 2)
    var bytes = base
    for index in stride(from: 0, to: size, by: 64) { bytes[index] &+= 1 }
    let (coded, transform) = try encode(bytes, base: base)
    #expect(try decode(coded, transform, size, base: base) == bytes)
    guard size >= 1000 else { return }
    #expect(transform & 8 != 0, "it is no difference")
    #expect(try decode(coded, transform, size) == nil)
    #expect(coded.count < size / 4)
  }

  /// BF16 to 2/3, F32 to 5/6: what such numbers have of disorder.
  @Test func weightsShrinkAsMeasured() throws {
    let half = try encode(WeightBytes.make(131_072, width: 2))
    #expect(
      half.transform == 1 | 4 && (0.55...0.70).contains(Double(half.coded.count) / 131_072), "\(half.coded.count)")
    let single = try encode(WeightBytes.make(131_072, width: 4))
    #expect(
      single.transform == 2 | 4 && (0.75...0.86).contains(Double(single.coded.count) / 131_072), "\(single.coded.count)"
    )
    #expect(try encode(WeightBytes.noise(131_072)).transform == 0)
  }

  @Test func noDamagedByteIsDecodedWrongly() throws {
    let bytes = WeightBytes.make(3001, width: 2)
    let (coded, transform) = try encode(bytes)
    var refused = 0
    for index in coded.indices {
      for mask in [UInt8(1), 0x80, 0xFF] {
        var damaged = coded
        damaged[index] ^= mask
        guard let found = try decode(damaged, transform, bytes.count) else {
          refused += 1
          continue
        }
        // A bit that means nothing.
        #expect(found == bytes, "byte \(index)")
      }
    }
    #expect(refused > coded.count * 3 - 16)
    for count in 0..<coded.count {
      #expect(try decode(Array(coded.prefix(count)), transform, bytes.count) == nil, "\(count) bytes")
    }
    #expect(try decode(coded + [0], transform, bytes.count) == nil)
    #expect(try decode(coded, transform, bytes.count + 1) == nil)
    #expect(try decode(coded, transform, bytes.count - 1) == nil)
    #expect(try decode(coded, 16, bytes.count) == nil)
  }
}
