import Tensors
import WeightFormats

/// A few float32 tensors, and the files that hold them, made without torch.
package struct SmallWeights: Sendable {
  package var tensors: [(name: String, values: [Float])]

  package init(_ tensors: [(name: String, values: [Float])]) { self.tensors = tensors }

  /// Three tensors; `bias` is what tells one instance from another.
  package static func example(bias: Float = 0.5) -> SmallWeights {
    SmallWeights([
      ("z.weight", (0..<40).map { Float($0) * 0.25 }), ("a.weight", (0..<6).map { -Float($0) }), ("a.bias", [bias]),
    ])
  }

  /// A tensor of 40 KB that compresses as trained weights do; a step after the first moves each of its elements a little.
  package static func trained(step: UInt64 = 0) -> SmallWeights {
    var (numbers, moves) = (SeededNumbers(state: 1), SeededNumbers(state: step))
    let values = (0..<10_000).map { _ in
      let value = (Float(numbers.next() >> 40) / 8_388_608 - 1) * 0.05
      return step == 0 ? value : Float(bitPattern: value.bitPattern ^ UInt32(moves.next() & 0x3F))
    }
    return SmallWeights([("layer.weight", values)])
  }

  private var stateDict: StateDict {
    StateDict(
      independent: tensors.map { ($0.name, .float32, [$0.values.count], $0.values.count * 4) })
  }

  private func bytes(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init) }
  }

  /// A file of the given format, as its reference writer would write it.
  private func file(_ format: any SynthesizableFormat) throws -> [UInt8] {
    let storages = tensors.map { bytes($0.values) }
    let checksums = storages.map { storage in
      var hasher = StorageHasher()
      storage.withUnsafeBytes { hasher.update($0) }
      return hasher.finalize()
    }
    return try format.layout(of: stateDict, checksums: checksums).segments.flatMap { segment in
      switch segment {
      case .literal(let bytes): Array(bytes)
      case .storage(let index, let offset, let byteCount): Array(storages[index][offset..<offset + byteCount])
      }
    }
  }

  package func safetensors() throws -> [UInt8] { try file(SafetensorsFormat()) }
  package func torchZip() throws -> [UInt8] { try file(TorchZipFormat()) }
}
