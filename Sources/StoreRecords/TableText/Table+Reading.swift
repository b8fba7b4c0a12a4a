import BlobStore
import Tensors

extension Table {
  /// Reads and checks a table's text.
  init(readingFrom json: inout JSONStream) throws(StoreError) {
    var stateDict: StateDict?
    var packs: [Pack]?
    var storages: [Storage]?
    var partialDigests: [Int: Digest]?
    var stitch: Stitch?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "stateDict": stateDict = try StateDict(readingFrom: &json)
      case "packs": packs = try json.array { (json) throws(StoreError) in try Pack(readingFrom: &json) }
      case "storages": storages = try json.array { (json) throws(StoreError) in try Storage(readingFrom: &json) }
      case "partialDigests": partialDigests = try [Int: Digest](readingFrom: &json)
      case "stitch": stitch = try json.isNull() ? nil : Stitch(readingFrom: &json)
      default: try json.skipValue()
      }
    }
    try json.finish()
    self.init(
      stateDict: try json.require(stateDict, "stateDict"), packs: try json.require(packs, "packs"),
      storages: try json.require(storages, "storages"),
      partialDigests: try json.require(partialDigests, "partialDigests"), stitch: stitch)
    try checkConsistency()
  }
}

extension [Digest: SegmentTable] {
  /// Reads, of a table's text, the segments of some packs that it names, and no more than that: the id of a blob tells whether
  /// segments are its own.
  init(of packs: Set<Digest>, readingFrom json: inout JSONStream) throws(StoreError) {
    self.init()
    var members = try json.object()
    while let name = try members.next(&json) {
      guard name == "packs" else {
        try json.skipValue()
        continue
      }
      let found = try json.array { (json) throws(StoreError) in
        try Table.Pack.members(&json, segmentsOf: packs.contains)
      }
      for (blob, segments) in found where packs.contains(blob) {
        guard let segments, segments.blob == blob else {
          throw json.damaged("the segments of pack \(blob) are not its own")
        }
        updateValue(segments, forKey: blob)
      }
      return
    }
  }
}

extension JSONStream {
  /// A member that must be there.
  fileprivate func require<Value>(_ value: Value?, _ name: String) throws(StoreError) -> Value {
    guard let value else { throw damaged("\"\(name)\" is missing before what stands") }
    return value
  }
}

extension Table.Pack {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    let (blob, segments) = try Self.members(&json) { _ in true }
    self.init(blob: blob, segments: try json.require(segments, "segments"))
  }

  /// Reads a pack's id, and its segments if somebody wants those of that id.
  fileprivate static func members(
    _ json: inout JSONStream, segmentsOf isWanted: (Digest) -> Bool
  ) throws(StoreError) -> (blob: Digest, segments: SegmentTable?) {
    var (blob, segments): (Digest?, SegmentTable?)
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "blob": blob = try json.digest()
      // The id stands first in what is written here.
      case "segments" where blob.map(isWanted) ?? true: segments = try SegmentTable(readingFrom: &json)
      default: try json.skipValue()
      }
    }
    return (try json.require(blob, "blob"), segments)
  }
}

extension SegmentTable {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    let segments = try json.array { (json) throws(StoreError) in try Segment(readingFrom: &json) }
    guard let table = SegmentTable(checking: segments) else { throw json.damaged("segments do not follow each other") }
    self = table
  }
}

extension SegmentTable.Segment {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var (offset, byteCount): (Int?, Int?)
    var digest: Digest?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "offset": offset = try json.integer()
      case "byteCount": byteCount = try json.integer()
      case "digest": digest = try json.digest()
      default: try json.skipValue()
      }
    }
    self.init(
      offset: try json.require(offset, "offset"), byteCount: try json.require(byteCount, "byteCount"),
      digest: try json.require(digest, "digest"))
  }
}

extension Table.Storage {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var (pack, segment): (Int?, Int?)
    var (crc32, descriptorWord): (UInt32?, UInt32?)
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "pack": pack = try json.integerIfAny()
      case "segment": segment = try json.integerIfAny()
      case "crc32": crc32 = try json.integer(UInt32.self)
      case "descriptorWord": descriptorWord = try json.integerIfAny(UInt32.self)
      default: try json.skipValue()
      }
    }
    self.init(
      pack: pack, segment: segment, crc32: try json.require(crc32, "crc32"), descriptorWord: descriptorWord)
  }
}

extension [Int: Digest] {
  /// Digests of tensors that are parts of a storage.
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    self.init()
    var members = try json.object()
    while let name = try members.next(&json) {
      guard let tensor = Int(name) else { throw json.damaged("a partial digest is of no tensor") }
      self[tensor] = try json.digest()
    }
  }
}

extension Table.Stitch {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var (pack, segment): (Int?, Int?)
    var pieces: [Piece]?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "pack": pack = try json.integer()
      case "segment": segment = try json.integer()
      case "pieces": pieces = try json.array { (json) throws(StoreError) in try Piece(readingFrom: &json) }
      default: try json.skipValue()
      }
    }
    self.init(
      pack: try json.require(pack, "pack"), segment: try json.require(segment, "segment"),
      pieces: try json.require(pieces, "pieces"))
  }
}

extension Table.Stitch.Piece {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var (literal, storage): (Int?, Int?)
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "literal": literal = try json.integer()
      case "storage": storage = try json.integerIfAny()
      default: try json.skipValue()
      }
    }
    self.init(literalByteCount: try json.require(literal, "literal"), storage: storage)
  }
}

extension StateDict {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var container: Container?
    var tensors: [TensorDescriptor]?
    var storageSizes: [Int]?
    var metadata: [ModuleMetadata]?
    var shapes = ShapePool()
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "container":
        container = Container(rawValue: try json.string())
        if container == nil { throw json.damaged("a state dict is no mapping that is known") }
      case "tensors":
        tensors = try json.array { (json) throws(StoreError) in try TensorDescriptor(readingFrom: &json, &shapes) }
      case "storageSizes": storageSizes = try json.array { (json) throws(StoreError) in try json.integer() }
      case "metadata":
        metadata =
          try json.isNull() ? nil : json.array { (json) throws(StoreError) in try ModuleMetadata(readingFrom: &json) }
      default: try json.skipValue()
      }
    }
    self.init(
      container: try json.require(container, "container"), tensors: try json.require(tensors, "tensors"),
      storageSizes: try json.require(storageSizes, "storageSizes"), metadata: metadata)
  }
}

extension TensorDescriptor {
  fileprivate init(readingFrom json: inout JSONStream, _ shapes: inout ShapePool) throws(StoreError) {
    var text: String?
    var dtype: DType?
    var shape: [Int]?
    var (storage, byteCount): (Int?, Int?)
    var byteOffset = 0
    var (isParameter, requiresGrad) = (false, false)
    var sameObjectAs: Int?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "name": text = try json.string()
      case "dtype":
        dtype = DType(rawValue: try json.string())
        if dtype == nil { throw json.damaged("a tensor has a dtype that is not known") }
      case "shape": shape = try json.array { (json) throws(StoreError) in try json.integer() }
      case "storage": storage = try json.integer()
      case "byteOffset": byteOffset = try json.integerIfAny() ?? 0
      case "byteCount": byteCount = try json.integer()
      case "isParameter": isParameter = try json.isNull() ? false : try json.bool()
      case "requiresGrad": requiresGrad = try json.isNull() ? false : try json.bool()
      case "sameObjectAs": sameObjectAs = try json.integerIfAny()
      default: try json.skipValue()
      }
    }
    self.init(
      name: try json.require(text, "name"), dtype: try json.require(dtype, "dtype"),
      shape: shapes.shape(try json.require(shape, "shape")), storage: try json.require(storage, "storage"),
      byteOffset: byteOffset, byteCount: try json.require(byteCount, "byteCount"), isParameter: isParameter,
      requiresGrad: requiresGrad, sameObjectAs: sameObjectAs)
  }
}

extension StateDict.ModuleMetadata {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var path: String?
    var fields: [Field]?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "path": path = try json.string()
      case "fields": fields = try json.array { (json) throws(StoreError) in try Field(readingFrom: &json) }
      default: try json.skipValue()
      }
    }
    self.init(path: try json.require(path, "path"), fields: try json.require(fields, "fields"))
  }
}

extension StateDict.ModuleMetadata.Field {
  fileprivate init(readingFrom json: inout JSONStream) throws(StoreError) {
    var text: String?
    var value: Int?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "name": text = try json.string()
      case "value": value = try json.integer()
      default: try json.skipValue()
      }
    }
    self.init(name: try json.require(text, "name"), value: try json.require(value, "value"))
  }
}
