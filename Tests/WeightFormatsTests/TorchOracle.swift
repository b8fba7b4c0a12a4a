import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

/// What torch says is in a file.
struct TorchOracle: Decodable {
  struct Tensor: Decodable {
    var name: String
    var dtype: String
    var shape: [Int]
    var sha256: String
    var parameter: Bool
    var requiresGrad: Bool
    var contiguous: Bool
    var sameObjectAs: Int?
    /// A number for the storage that a contiguous tensor views; nil for others.
    var storage: Int?
    var byteOffset: Int?
  }
  var `case`: String?
  var tensors: [Tensor]
  var container: String
  var extras: [String]?
  var plain: Bool?
  var metadata: [[JSONValue]]?

  /// As much JSON as a `_metadata` needs.
  enum JSONValue: Decodable, Equatable {
    case text(String)
    case integer(Int)
    case list([JSONValue])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let list = try? container.decode([JSONValue].self) {
        self = .list(list)
      } else if let integer = try? container.decode(Int.self) {
        self = .integer(integer)
      } else {
        self = .text(try container.decode(String.self))
      }
    }
  }

  /// Expects that `file`, parsed from `source`, holds what torch found: names, order, dtypes, shapes, values, ties.
  func expect(_ file: WeightFile, in source: any ByteSource, _ label: String) throws {
    let found = file.stateDict.tensors
    try #require(found.map(\.name) == tensors.map(\.name), "\(label)")
    #expect(file.stateDict.container.rawValue == container, "\(label)")
    #expect(file.storages.count == file.stateDict.storageSizes.count, "\(label)")
    var numbers: [Int: Int] = [:]
    for (tensor, expected) in zip(found, tensors) {
      let what = "\(label): \(expected.name)"
      #expect(tensor.dtype.rawValue == expected.dtype, "\(what)")
      #expect(tensor.shape.dimensions == expected.shape, "\(what)")
      #expect(tensor.isParameter == expected.parameter, "\(what)")
      #expect(tensor.requiresGrad == expected.requiresGrad, "\(what)")
      #expect(tensor.sameObjectAs == expected.sameObjectAs, "\(what)")
      #expect(Digest(of: try file.bytes(of: tensor, in: source)).hexadecimal == expected.sha256, "\(what)")
      guard let storage = expected.storage else { continue }
      #expect(numbers.updateValue(tensor.storage, forKey: storage) ?? tensor.storage == tensor.storage, "\(what)")
      #expect(tensor.byteOffset == expected.byteOffset, "\(what)")
    }
    #expect(Set(numbers.values).count == numbers.count, "\(label): storages are merged that torch keeps apart")
    #expect(Set(found.map(\.storage)) == Set(file.storages.indices), "\(label): a storage is listed that nobody views")
    let fields = metadata.map { $0.map { [JSONValue](($0)) } }
    let ours: [[JSONValue]]? = file.stateDict.metadata.map { modules in
      modules.map { module in
        [.text(module.path), .list(module.fields.map { .list([.text($0.name), .integer($0.value)]) })]
      }
    }
    #expect(ours == fields, "\(label)")
  }
}

extension WeightFile {
  /// A tensor's bytes, contiguous and row-major, as an importer would gather them.
  func bytes(of tensor: TensorDescriptor, in source: any ByteSource) throws -> [UInt8] {
    switch storages[tensor.storage] {
    case .range(let offset, let byteCount):
      #expect(byteCount == stateDict.storageSizes[tensor.storage])
      #expect(tensor.byteOffset + tensor.byteCount <= byteCount)
      return try source.bytes(at: offset + tensor.byteOffset, count: tensor.byteCount, what: tensor.name)
    case .strided(let strided):
      #expect(tensor.byteOffset == 0 && tensor.byteCount == stateDict.storageSizes[tensor.storage])
      var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
      try StridedReader(strided).copy(
        read: { (offset, buffer) throws(FormatError) in try source.read(at: offset, into: buffer) },
        write: { (part, offset) throws(FormatError) in bytes.replaceSubrange(offset..<offset + part.count, with: part)
        },
        progress: { _ throws(FormatError) in })
      return bytes
    }
  }
}

/// The bytes of a file.
func contents(of path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
