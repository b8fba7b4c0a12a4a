import BlobStore
import Tensors

/// Reads the text of a table, or a part of it.
enum TableReader {
  /// Reads and checks a whole table.
  static func table(_ json: inout JSONStream) throws(StoreError) -> Table {
    var stateDict: StateDict?
    var packs: [Table.Pack]?
    var storages: [Table.Storage]?
    var partialDigests: [Int: Digest]?
    var stitch: Table.Stitch?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "stateDict": stateDict = try self.stateDict(&json)
      case "packs": packs = try json.array { (json) throws(StoreError) in try pack(&json) }
      case "storages": storages = try json.array { (json) throws(StoreError) in try storage(&json) }
      case "partialDigests": partialDigests = try self.partialDigests(&json)
      case "stitch": stitch = try json.isNull() ? nil : self.stitch(&json)
      default: try json.skipValue()
      }
    }
    try json.finish()
    let table = Table(
      stateDict: try json.require(stateDict, "stateDict"), packs: try json.require(packs, "packs"),
      storages: try json.require(storages, "storages"),
      partialDigests: try json.require(partialDigests, "partialDigests"), stitch: stitch)
    try table.checkConsistency()
    return table
  }

  /// Reads the segments of some packs that the table names, and no more than that: the id of a blob tells whether segments are
  /// its own.
  static func segments(of packs: Set<Digest>, _ json: inout JSONStream) throws(StoreError) -> [Digest: SegmentTable] {
    var segments: [Digest: SegmentTable] = [:]
    var members = try json.object()
    while let name = try members.next(&json) {
      guard name == "packs" else {
        try json.skipValue()
        continue
      }
      let found = try json.array { (json) throws(StoreError) in
        try packMembers(&json, segmentsOf: packs.contains)
      }
      for (blob, own) in found where packs.contains(blob) {
        guard let own, own.blob == blob else { throw json.damaged("the segments of pack \(blob) are not its own") }
        segments[blob] = own
      }
      break
    }
    return segments
  }

  // MARK: Packs

  private static func pack(_ json: inout JSONStream) throws(StoreError) -> Table.Pack {
    let (blob, segments) = try packMembers(&json) { _ in true }
    return Table.Pack(blob: blob, segments: try json.require(segments, "segments"))
  }

  /// Reads a pack's id, and its segments if somebody wants those of that id.
  private static func packMembers(
    _ json: inout JSONStream, segmentsOf isWanted: (Digest) -> Bool
  ) throws(StoreError) -> (blob: Digest, segments: SegmentTable?) {
    var (blob, segments): (Digest?, SegmentTable?)
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "blob": blob = try json.digest()
      // The id stands first in what is written here.
      case "segments" where blob.map(isWanted) ?? true: segments = try segmentTable(&json)
      default: try json.skipValue()
      }
    }
    return (try json.require(blob, "blob"), segments)
  }

  private static func segmentTable(_ json: inout JSONStream) throws(StoreError) -> SegmentTable {
    let segments = try json.array { (json) throws(StoreError) in try segment(&json) }
    guard let table = SegmentTable(checking: segments) else { throw json.damaged("segments do not follow each other") }
    return table
  }

  private static func segment(_ json: inout JSONStream) throws(StoreError) -> SegmentTable.Segment {
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
    return SegmentTable.Segment(
      offset: try json.require(offset, "offset"), byteCount: try json.require(byteCount, "byteCount"),
      digest: try json.require(digest, "digest"))
  }

  // MARK: Storages

  private static func storage(_ json: inout JSONStream) throws(StoreError) -> Table.Storage {
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
    return Table.Storage(
      pack: pack, segment: segment, crc32: try json.require(crc32, "crc32"), descriptorWord: descriptorWord)
  }

  /// Digests of tensors that are parts of a storage.
  private static func partialDigests(_ json: inout JSONStream) throws(StoreError) -> [Int: Digest] {
    var digests: [Int: Digest] = [:]
    var members = try json.object()
    while let name = try members.next(&json) {
      guard let tensor = Int(name) else { throw json.damaged("a partial digest is of no tensor") }
      digests[tensor] = try json.digest()
    }
    return digests
  }

  private static func stitch(_ json: inout JSONStream) throws(StoreError) -> Table.Stitch {
    var (pack, segment): (Int?, Int?)
    var pieces: [Table.Stitch.Piece]?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "pack": pack = try json.integer()
      case "segment": segment = try json.integer()
      case "pieces": pieces = try json.array { (json) throws(StoreError) in try piece(&json) }
      default: try json.skipValue()
      }
    }
    return Table.Stitch(
      pack: try json.require(pack, "pack"), segment: try json.require(segment, "segment"),
      pieces: try json.require(pieces, "pieces"))
  }

  private static func piece(_ json: inout JSONStream) throws(StoreError) -> Table.Stitch.Piece {
    var (literal, storage): (Int?, Int?)
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "literal": literal = try json.integer()
      case "storage": storage = try json.integerIfAny()
      default: try json.skipValue()
      }
    }
    return Table.Stitch.Piece(literalByteCount: try json.require(literal, "literal"), storage: storage)
  }

  // MARK: The state dict

  private static func stateDict(_ json: inout JSONStream) throws(StoreError) -> StateDict {
    var container: StateDict.Container?
    var tensors: [TensorDescriptor]?
    var storageSizes: [Int]?
    var metadata: [StateDict.ModuleMetadata]?
    var shapes = ShapePool()
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "container":
        container = StateDict.Container(rawValue: try json.string())
        if container == nil { throw json.damaged("a state dict is no mapping that is known") }
      case "tensors": tensors = try json.array { (json) throws(StoreError) in try tensor(&json, &shapes) }
      case "storageSizes": storageSizes = try json.array { (json) throws(StoreError) in try json.integer() }
      case "metadata":
        metadata = try json.isNull() ? nil : json.array { (json) throws(StoreError) in try moduleMetadata(&json) }
      default: try json.skipValue()
      }
    }
    return StateDict(
      container: try json.require(container, "container"), tensors: try json.require(tensors, "tensors"),
      storageSizes: try json.require(storageSizes, "storageSizes"), metadata: metadata)
  }

  private static func tensor(
    _ json: inout JSONStream, _ shapes: inout ShapePool
  ) throws(StoreError) -> TensorDescriptor {
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
    return TensorDescriptor(
      name: try json.require(text, "name"), dtype: try json.require(dtype, "dtype"),
      shape: shapes.shape(try json.require(shape, "shape")), storage: try json.require(storage, "storage"),
      byteOffset: byteOffset, byteCount: try json.require(byteCount, "byteCount"), isParameter: isParameter,
      requiresGrad: requiresGrad, sameObjectAs: sameObjectAs)
  }

  private static func moduleMetadata(_ json: inout JSONStream) throws(StoreError) -> StateDict.ModuleMetadata {
    var path: String?
    var fields: [StateDict.ModuleMetadata.Field]?
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "path": path = try json.string()
      case "fields": fields = try json.array { (json) throws(StoreError) in try field(&json) }
      default: try json.skipValue()
      }
    }
    return StateDict.ModuleMetadata(
      path: try json.require(path, "path"), fields: try json.require(fields, "fields"))
  }

  private static func field(_ json: inout JSONStream) throws(StoreError) -> StateDict.ModuleMetadata.Field {
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
    return StateDict.ModuleMetadata.Field(
      name: try json.require(text, "name"), value: try json.require(value, "value"))
  }
}

extension JSONStream {
  /// A member that must be there.
  fileprivate func require<Value>(_ value: Value?, _ name: String) throws(StoreError) -> Value {
    guard let value else { throw damaged("\"\(name)\" is missing before what stands") }
    return value
  }
}
