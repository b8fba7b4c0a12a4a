import TestSupport
import Testing
import WeightFormats

/// Whether a parser would find the same in a file is told without parsing it again.
@Suite struct RecordingSourceTests {
  private func files() throws -> [(any WeightFormat, [UInt8])] {
    let weights = SmallWeights.example()
    return [(SafetensorsFormat(), try weights.safetensors()), (TorchZipFormat(), try weights.torchZip())]
  }

  @Test func whateverAParserFindsOtherwiseIsSeen() throws {
    for (format, bytes) in try files() {
      let source = RecordingSource(BufferSource(bytes))
      let parsed = try format.parse(source)
      #expect(try source.hasSameBytes(as: BufferSource(bytes)))
      for index in bytes.indices {
        var changed = bytes
        changed[index] ^= 0x21
        if try source.hasSameBytes(as: BufferSource(changed)) {
          #expect(try format.parse(BufferSource(changed)) == parsed, "byte \(index)")
        }
      }
    }
  }

  @Test func anotherSizeIsAnotherFile() throws {
    for (format, bytes) in try files() {
      let source = RecordingSource(BufferSource(bytes))
      _ = try format.parse(source)
      #expect(try !source.hasSameBytes(as: BufferSource(bytes + [0])))
      #expect(try !source.hasSameBytes(as: BufferSource(Array(bytes.dropLast()))))
    }
  }
}
