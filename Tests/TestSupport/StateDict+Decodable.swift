package import Tensors

/// State dicts as oracles describe them in JSON: with the names that a store's table has.
extension StateDict: Decodable {
  private enum Key: String, CodingKey {
    case container, tensors, storageSizes, metadata
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let name = try values.decode(String.self, forKey: .container)
    guard let container = Container(rawValue: name) else {
      throw DecodingError.dataCorruptedError(forKey: .container, in: values, debugDescription: name)
    }
    self.init(
      container: container, tensors: try values.decode([TensorDescriptor].self, forKey: .tensors),
      storageSizes: try values.decode([Int].self, forKey: .storageSizes),
      metadata: try values.decodeIfPresent([Module].self, forKey: .metadata)?.map(\.metadata))
  }

  private struct Module: Decodable {
    struct Field: Decodable {
      var name: String
      var value: Int
    }
    var path: String
    var fields: [Field]

    var metadata: ModuleMetadata {
      ModuleMetadata(path: path, fields: fields.map { .init(name: $0.name, value: $0.value) })
    }
  }
}

extension TensorDescriptor: Decodable {
  private enum Key: String, CodingKey {
    case name, dtype, shape, storage, byteOffset, byteCount, isParameter, requiresGrad, sameObjectAs
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      name: try values.decode(String.self, forKey: .name), dtype: try values.decode(DType.self, forKey: .dtype),
      shape: try values.decode(Shape.self, forKey: .shape), storage: try values.decode(Int.self, forKey: .storage),
      byteOffset: try values.decodeIfPresent(Int.self, forKey: .byteOffset) ?? 0,
      byteCount: try values.decode(Int.self, forKey: .byteCount),
      isParameter: try values.decodeIfPresent(Bool.self, forKey: .isParameter) ?? false,
      requiresGrad: try values.decodeIfPresent(Bool.self, forKey: .requiresGrad) ?? false,
      sameObjectAs: try values.decodeIfPresent(Int.self, forKey: .sameObjectAs))
  }
}
