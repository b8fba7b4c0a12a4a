import Tensors
import TestSupport
import WeightFormats

/// A parser under test: how its inputs are made, and what must hold of them.
struct FuzzTarget: Sendable {
  let name: String
  /// Makes one input.
  let input: @Sendable (inout FuzzNumbers) -> [UInt8]
  /// Gives the input to the parser; false if it was refused. Anything but an answer or a `FormatError` is a bug.
  let parse: @Sendable ([UInt8]) throws -> Bool

  static let all = [safetensors, torchZip, torchLegacy, gguf, pickle, zip, safety]

  /// Files of any kind, judged by whether they are inert. The strict reader of weights and the judge must agree: what the first
  /// accepts, the second does not refuse.
  private static let safety = FuzzTarget(
    name: "safety",
    input: { numbers in
      let bytes = numbers.pick(FuzzSeeds.containers)
      return mutators.any.mutate(bytes, with: &numbers)
    },
    parse: { bytes in
      let source = BufferSource(bytes)
      var danger: String?
      do throws(FormatError) { try PickleSafety.check(source) } catch { danger = error.message }
      guard let danger else { return true }
      do throws(FormatError) { _ = try WeightFormatCatalogue.parse(source) } catch { return false }
      throw FuzzFailure(description: "weights that are not inert: \(danger)")
    })

  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

  private static let safetensors = FuzzTarget(
    name: "safetensors",
    input: { numbers in
      var bytes = mutators.safetensors.mutate(numbers.pick(FuzzSeeds.safetensors), with: &numbers)
      // A header whose length is wrong is soon refused, so most get the right one.
      if numbers.below(4) > 0, bytes.count >= 8 {
        let end = bytes.lastIndex(of: UInt8(ascii: "}")) ?? bytes.count - 1
        bytes.replaceSubrange(0..<8, with: little(UInt64(max(end + 1 - 8, 0))))
      }
      return bytes
    },
    parse: { try accepts(SafetensorsFormat(), $0) })

  private static let torchZip = FuzzTarget(
    name: "torch-zip",
    input: { numbers in
      var archive = numbers.pick(FuzzSeeds.archives)
      for _ in 0...numbers.below(3) { change(&archive, with: &numbers) }
      let bytes = archive.bytes
      return numbers.below(4) == 0 ? mutators.zip.mutate(bytes, with: &numbers) : bytes
    },
    parse: { try accepts(TorchZipFormat(), $0) })

  private static let torchLegacy = FuzzTarget(
    name: "torch-legacy",
    input: { numbers in mutators.pickle.mutate(numbers.pick(FuzzSeeds.legacy), with: &numbers) },
    parse: { try accepts(TorchLegacyFormat(), $0) })

  /// GGUF headers. What is no state dict must be described as well, as the kept file that it may be.
  private static let gguf = FuzzTarget(
    name: "gguf",
    input: { numbers in mutators.gguf.mutate(numbers.pick(FuzzSeeds.gguf), with: &numbers) },
    parse: { bytes in
      if try accepts(GGUFFormat(), bytes) { return true }
      let header: GGUFHeader
      do throws(FormatError) { header = try GGUFHeader(BufferSource(bytes)) } catch { return false }
      var position = 0
      for tensor in header.tensors {
        guard tensor.offset >= position, tensor.byteCount >= 0,
          tensor.byteCount <= bytes.count - tensor.offset
        else {
          throw FuzzFailure(
            description: "tensor \(tensor.name) overlaps another, or is outside of the file")
        }
        position = tensor.offset + tensor.byteCount
      }
      return true
    })

  /// Pickles in archives that are right, checksums included, so that the pickle is always reached.
  private static let pickle = FuzzTarget(
    name: "pickle",
    input: { numbers in
      var archive = numbers.pick(FuzzSeeds.archives)
      archive.records[0].data = mutators.pickle.mutate(archive.records[0].data, with: &numbers)
      return archive.bytes
    },
    parse: { try accepts(TorchZipFormat(), $0) })

  private static let zip = FuzzTarget(
    name: "zip",
    input: { numbers in mutators.zip.mutate(numbers.pick(FuzzSeeds.archives).bytes, with: &numbers) },
    parse: { bytes in
      do throws(FormatError) {
        let archive = try ZipReader(BufferSource(bytes))
        for record in archive.records {
          guard record.offset >= 0, record.byteCount >= 0, record.offset + record.byteCount <= bytes.count else {
            throw FormatError(.malformed, "bug: record outside of the file")
          }
          _ = try archive.contents(of: record, limit: 1 << 20)
        }
        return true
      } catch {
        if error.message.hasPrefix("bug") { throw FuzzFailure(description: error.message) }
        return false
      }
    })

  private static let mutators = (
    gguf: Mutator(words: FuzzSeeds.ggufWords, others: FuzzSeeds.gguf),
    safetensors: Mutator(words: FuzzSeeds.json, others: FuzzSeeds.safetensors),
    pickle: Mutator(words: FuzzSeeds.opcodes, others: FuzzSeeds.archives.map { $0.records[0].data }),
    zip: Mutator(words: FuzzSeeds.signatures, others: FuzzSeeds.archives.map(\.bytes)),
    any: Mutator(words: FuzzSeeds.opcodes + FuzzSeeds.signatures, others: FuzzSeeds.containers)
  )

  /// Changes something about an archive that is then written with this change.
  private static func change(_ archive: inout TestArchive, with numbers: inout FuzzNumbers) {
    let index = numbers.below(max(archive.records.count, 1))
    guard archive.records.indices.contains(index) else { return }
    let word = UInt32(truncatingIfNeeded: numbers.next() >> UInt64(numbers.below(64)))
    switch numbers.below(20) {
    case 0...3: archive.records[index].data = mutators.pickle.mutate(archive.records[index].data, with: &numbers)
    case 4:
      let name = mutators.zip.mutate(Array(archive.records[index].name.utf8), with: &numbers)
      archive.records[index].name = String(decoding: name.prefix(200), as: UTF8.self)
    case 5: archive.records[index].flags ^= UInt16(truncatingIfNeeded: word)
    case 6: archive.records[index].method = UInt16(truncatingIfNeeded: word)
    case 7: archive.records[index].crc32 = word
    case 8: archive.records[index].localCRC32 = word
    case 9: archive.records[index].localByteCount = word
    case 10: archive.records[index].byteCount = word
    case 11: archive.records[index].headerOffset = word
    case 12: archive.records[index].localExtra = Array(numbers.pick(FuzzSeeds.signatures).prefix(60))
    case 13: archive.records[index].centralExtra = Array(numbers.pick(FuzzSeeds.signatures).prefix(60))
    case 14: archive.records[index].isWide.toggle()
    case 15: archive.records.append(archive.records[index])
    case 16: archive.records.remove(at: index)
    case 17: archive.records.swapAt(index, numbers.below(archive.records.count))
    case 18: archive.recordCount = Int(word)
    default: archive.isWide.toggle()
    }
  }

  /// Parses, and checks what came out of it.
  private static func accepts(_ format: any WeightFormat, _ bytes: [UInt8]) throws -> Bool {
    let file: WeightFile
    do throws(FormatError) { file = try format.parse(BufferSource(bytes)) } catch { return false }
    if let inconsistency = file.inconsistency(byteCount: bytes.count) { throw FuzzFailure(description: inconsistency) }
    try gather(file, bytes)
    try FuzzLayout.check(file.stateDict)
    return true
  }

  /// Copies strided tensors as an import would; those that a file repeats into megabytes, only now and then.
  private static func gather(_ file: WeightFile, _ bytes: [UInt8]) throws {
    let source = BufferSource(bytes)
    for (storage, size) in Swift.zip(file.storages, file.stateDict.storageSizes) {
      guard case .strided(let strided) = storage, size <= 1 << 16 || bytes.count % 256 == 0 else { continue }
      do throws(FormatError) {
        let reader = try StridedReader(strided)
        guard reader.byteCount == size else {
          throw FormatError(.malformed, "bug: a copy of \(reader.byteCount) bytes")
        }
        var written = 0
        try reader.copy(
          read: { (offset, buffer) throws(FormatError) in try source.read(at: offset, into: buffer) },
          write: { (part, offset) throws(FormatError) in
            guard offset >= 0, offset + part.count <= size else {
              throw FormatError(.malformed, "bug: a write outside")
            }
            written += part.count
          }, progress: { _ throws(FormatError) in })
        guard written == size else { throw FormatError(.malformed, "bug: \(written) bytes of \(size) are copied") }
      } catch { throw FuzzFailure(description: error.message) }
    }
  }
}
