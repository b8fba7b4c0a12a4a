import Tensors
import TestSupport
import Testing
import WeightFormats

/// What every format of the catalogue has to do. A new format is tested by entering it there, and by a sample of its files if it
/// cannot write them itself.
@Suite struct FormatConformanceTests {
  static let names = WeightFormatCatalogue.formats.map(\.name)

  private func format(_ name: String) throws -> any WeightFormat {
    try #require(WeightFormatCatalogue.formats.first { $0.name == name })
  }

  /// The format and its samples, of which there must be some.
  private func samples(_ name: String) throws -> (format: any WeightFormat, files: [[UInt8]]) {
    let format = try format(name)
    let files = try FormatSamples.files(of: format)
    try #require(!files.isEmpty, "the format has no samples")
    return (format, files)
  }

  /// Calls `body` with the description of a changed file, unless it is refused; a description must be consistent.
  private func survive(_ bytes: [UInt8], _ format: any WeightFormat, _ what: @autoclosure () -> String) {
    do throws(FormatError) {
      let file = try format.parse(BufferSource(bytes))
      let inconsistency = file.inconsistency(byteCount: bytes.count)
      #expect(inconsistency == nil, "\(what())")
    } catch {
      #expect(!error.message.isEmpty)
    }
  }

  @Test(arguments: names)
  func itsFilesAreRecognizedByItAlone(name: String) throws {
    let (format, files) = try samples(name)
    for file in files {
      #expect(try WeightFormatCatalogue.format(of: BufferSource(file)).name == name)
      let head = Array(file.prefix(64))
      let others = WeightFormatCatalogue.formats.filter { $0.name != format.name }
      #expect(!others.contains { $0.recognizes(head, byteCount: file.count) })
    }
    #expect(!format.recognizes([], byteCount: 0))
    #expect(!format.fileExtensions.isEmpty)
  }

  /// From a file to a layout in each format that can hold it, and back: the same tensors, bit for bit.
  @Test(arguments: names)
  func everyFileKeepsItsTensorsThroughEveryLayout(name: String) throws {
    let (format, files) = try samples(name)
    for bytes in files {
      let source = BufferSource(bytes)
      let file = try format.parse(source)
      #expect(file.inconsistency(byteCount: bytes.count) == nil)
      let tensors = try tensors(of: file, in: source)
      let storages = try file.storages.indices.map { try storage($0, of: file, in: source) }
      for case let target as any SynthesizableFormat in WeightFormatCatalogue.formats {
        let layout: FileLayout
        do throws(FormatError) {
          layout = try target.layout(of: file.stateDict, checksums: storages.map(StateDictMatrix.checksum))
        } catch {
          #expect(error.code == .unsupported && target.name != name, "\(error)")
          continue
        }
        let written = layout.rendered(storages: storages)
        #expect(written.count == layout.byteCount)
        guard !tensors.isEmpty || target.name == "safetensors" else { continue }
        let again = try target.parse(BufferSource(written))
        #expect(try self.tensors(of: again, in: BufferSource(written)) == tensors, "\(target.name)")
        // What was written by layout is written so again.
        let storagesAgain = try again.storages.indices.map { try storage($0, of: again, in: BufferSource(written)) }
        let second = try target.layout(of: again.stateDict, checksums: storagesAgain.map(StateDictMatrix.checksum))
        #expect(firstDifference(second.rendered(storages: storagesAgain), written) == nil, "\(target.name)")
      }
    }
  }

  @Test(arguments: names)
  func everyTruncationIsRefusedAndSoIsEveryAddedByte(name: String) throws {
    let (format, files) = try samples(name)
    for file in files {
      for count in 0..<file.count {
        #expect(throws: FormatError.self, "\(count)") { try format.parse(BufferSource(Array(file.prefix(count)))) }
      }
      for byte: UInt8 in [0, 0x20, 0xFF] {
        #expect(throws: FormatError.self) { try format.parse(BufferSource(file + [byte])) }
      }
    }
  }

  @Test(arguments: names)
  func everyFlippedByteIsRefusedOrDescribedConsistently(name: String) throws {
    let (format, files) = try samples(name)
    for file in files {
      for position in file.indices {
        for flip: UInt8 in [0x01, 0x08, 0x80, 0xFF] {
          var changed = file
          changed[position] ^= flip
          survive(changed, format, "offset \(position)")
        }
      }
    }
  }

  @Test(arguments: names)
  func everySizeMayLie(name: String) throws {
    let (format, files) = try samples(name)
    let limits: [UInt64] = [1 << 31, 1 << 62, 1 << 63 - 1, .max]
    for file in files {
      for position in file.indices {
        for limit in limits {
          for width in [4, 8] where position + width <= file.count {
            var changed = file
            changed.replaceSubrange(position..<position + width, with: little(limit).prefix(width))
            survive(changed, format, "offset \(position): \(limit) in \(width) bytes")
          }
          guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= file[position], position < 4096 else { continue }
          // Sizes that are written in decimal.
          var changed = file
          changed.replaceSubrange(position...position, with: String(limit).utf8)
          survive(changed, format, "offset \(position): \(limit) in digits")
        }
      }
    }
  }

  /// What a tensor is, whatever file it is in.
  private struct Tensor: Equatable {
    var dtype: DType
    var shape: Shape
    var bytes: [UInt8]
  }

  private func tensors(of file: WeightFile, in source: any ByteSource) throws -> [[UInt8]: Tensor] {
    var tensors: [[UInt8]: Tensor] = [:]
    for tensor in file.stateDict.tensors {
      let known = tensors.updateValue(
        Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: try file.bytes(of: tensor, in: source)),
        forKey: Array(tensor.name.utf8))
      #expect(known == nil, "\(tensor.name) is there twice")
    }
    return tensors
  }

  /// The bytes of a storage, gathered if they have to be.
  private func storage(_ index: Int, of file: WeightFile, in source: any ByteSource) throws -> [UInt8] {
    switch file.storages[index] {
    case .range(let offset, let count): return try source.bytes(at: offset, count: count, what: "storage")
    case .strided:
      let tensor = try #require(file.stateDict.tensors.first { $0.storage == index })
      return try file.bytes(of: tensor, in: source)
    }
  }
}
