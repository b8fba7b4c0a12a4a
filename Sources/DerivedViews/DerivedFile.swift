import BlobStore
import Tensors
import WeightFormats
package import WeightRegistry

/// Why a file is not offered: a sentence without a final stop.
package struct Withheld: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// A file that is computed on read. A value: it says what the bytes are, and holds none but headers.
package struct DerivedFile: Sendable, Hashable {
  package enum Part: Sendable, Hashable {
    case literal([UInt8])
    /// A tensor of the state dict as it is.
    case stored(Int, byteCount: Int)
    /// What a recipe makes of a tensor of the state dict.
    case computed(Recipe, of: Int, byteCount: Int)
  }

  package var parts: [Part]
  package var byteCount: Int
  /// How many tensors are of each type.
  package var types: [TypeCount]

  package struct TypeCount: Sendable, Hashable, Encodable {
    package var type: String
    package var tensors: Int
  }

  init(parts: [Part], byteCount: Int, types: [(String, Int)]) {
    self.parts = parts
    self.byteCount = byteCount
    self.types = types.map { TypeCount(type: $0.0, tensors: $0.1) }
  }

  /// Puts the file together over the tensors it is of. No data is read.
  ///
  /// - Throws: ``Withheld`` if a tensor cannot be read as the recipe needs it.
  package func view(over tensors: StoredTensors) throws(Withheld) -> VersionView {
    var layout = FileLayout()
    var storages: [(bytes: any StoredBytes, offset: Int)?] = []
    func append(_ bytes: any StoredBytes, at offset: Int, _ byteCount: Int) {
      layout.append(storage: storages.count, offset: 0, byteCount: byteCount)
      storages.append((bytes, offset))
    }
    for part in parts {
      switch part {
      case .literal(let bytes): layout.append(literal: bytes)
      case .stored(let index, let byteCount):
        guard let tensor = tensors[index], tensor.byteCount >= byteCount else { throw Self.mismatch(index, tensors) }
        append(tensor.bytes, at: tensor.offset, byteCount)
      case .computed(let recipe, let index, let byteCount):
        guard let tensor = tensors[index], let computed = ComputedTensor(recipe, of: tensor),
          computed.byteCount >= byteCount
        else { throw Self.mismatch(index, tensors) }
        append(recipe.isKept ? KeptBytes(computed) : computed, at: 0, byteCount)
      }
    }
    guard layout.byteCount == byteCount else {
      throw Withheld("it would have \(layout.byteCount) bytes, and not \(byteCount)")
    }
    return VersionView(layout: layout, storages: storages)
  }

  private static func mismatch(_ index: Int, _ tensors: StoredTensors) -> Withheld {
    Withheld("tensor \"\(tensors.stateDict.tensors[index].name)\" has other bytes than its shape says")
  }
}
