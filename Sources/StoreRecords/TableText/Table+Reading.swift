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
      case "stateDict": stateDict = try json.stateDict()
      case "packs": packs = try json.packs()
      case "storages": storages = try json.storages()
      case "partialDigests": partialDigests = try json.partialDigests()
      case "stitch": stitch = try json.stitch()
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

/// Where the storages of a table lie: a part of it that is read without the rest.
struct TablePlaces: Sendable {
  var packs: [Table.Pack] = []
  var storages: [Table.Storage] = []

  /// Reads this part of a table's text. What it says of packs and segments may be anything.
  init(readingFrom json: inout JSONStream) throws(StoreError) {
    var members = try json.object()
    while let name = try members.next(&json) {
      switch name {
      case "packs": packs = try json.packs()
      case "storages": storages = try json.storages()
      default: try json.skipValue()
      }
    }
    try json.finish()
  }

  /// Where a storage lies; nil if it is empty, or lies nowhere.
  func segment(of storage: Table.Storage) -> (pack: Int, segment: SegmentTable.Segment)? {
    guard let pack = storage.pack, let segment = storage.segment, packs.indices.contains(pack),
      packs[pack].segments.segments.indices.contains(segment)
    else { return nil }
    return (pack, packs[pack].segments.segments[segment])
  }
}

extension JSONStream {
  /// A member that must be there.
  fileprivate func require<Value>(_ value: Value?, _ name: String) throws(StoreError) -> Value {
    guard let value else { throw damaged("\"\(name)\" is missing before what stands") }
    return value
  }

  fileprivate mutating func digest() throws(StoreError) -> Digest {
    guard let digest = Digest(hexadecimal: try string()) else { throw damaged("expected 64 hexadecimal digits") }
    return digest
  }

  fileprivate mutating func packs() throws(StoreError) -> [Table.Pack] {
    try array { (json) throws(StoreError) in
      var (blob, segments): (Digest?, SegmentTable?)
      var members = try json.object()
      while let name = try members.next(&json) {
        switch name {
        case "blob": blob = try json.digest()
        case "segments": segments = try json.segments()
        default: try json.skipValue()
        }
      }
      return Table.Pack(blob: try json.require(blob, "blob"), segments: try json.require(segments, "segments"))
    }
  }

  private mutating func segments() throws(StoreError) -> SegmentTable {
    let segments = try array { (json) throws(StoreError) in
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
    guard let table = SegmentTable(checking: segments) else { throw damaged("segments do not follow each other") }
    return table
  }

  fileprivate mutating func storages() throws(StoreError) -> [Table.Storage] {
    try array { (json) throws(StoreError) in
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
  }

  fileprivate mutating func partialDigests() throws(StoreError) -> [Int: Digest] {
    var digests: [Int: Digest] = [:]
    var members = try object()
    while let name = try members.next(&self) {
      guard let tensor = Int(name) else { throw damaged("a partial digest is of no tensor") }
      digests[tensor] = try digest()
    }
    return digests
  }

  fileprivate mutating func stitch() throws(StoreError) -> Table.Stitch? {
    if try isNull() { return nil }
    var (pack, segment): (Int?, Int?)
    var pieces: [Table.Stitch.Piece]?
    var members = try object()
    while let name = try members.next(&self) {
      switch name {
      case "pack": pack = try integer()
      case "segment": segment = try integer()
      case "pieces": pieces = try self.pieces()
      default: try skipValue()
      }
    }
    return Table.Stitch(
      pack: try require(pack, "pack"), segment: try require(segment, "segment"), pieces: try require(pieces, "pieces"))
  }

  private mutating func pieces() throws(StoreError) -> [Table.Stitch.Piece] {
    try array { (json) throws(StoreError) in
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
  }

  fileprivate mutating func stateDict() throws(StoreError) -> StateDict {
    var container: StateDict.Container?
    var tensors: [TensorDescriptor]?
    var storageSizes: [Int]?
    var metadata: [StateDict.ModuleMetadata]?
    var members = try object()
    while let name = try members.next(&self) {
      switch name {
      case "container":
        container = StateDict.Container(rawValue: try string())
        if container == nil { throw damaged("a state dict is no mapping that is known") }
      case "tensors": tensors = try array { (json) throws(StoreError) in try json.tensor() }
      case "storageSizes": storageSizes = try array { (json) throws(StoreError) in try json.integer() }
      case "metadata": metadata = try isNull() ? nil : try modules()
      default: try skipValue()
      }
    }
    return StateDict(
      container: try require(container, "container"), tensors: try require(tensors, "tensors"),
      storageSizes: try require(storageSizes, "storageSizes"), metadata: metadata)
  }

  private mutating func tensor() throws(StoreError) -> TensorDescriptor {
    var text: String?
    var dtype: DType?
    var shape: [Int]?
    var (storage, byteCount): (Int?, Int?)
    var byteOffset = 0
    var (isParameter, requiresGrad) = (false, false)
    var sameObjectAs: Int?
    var members = try object()
    while let name = try members.next(&self) {
      switch name {
      case "name": text = try string()
      case "dtype":
        dtype = DType(rawValue: try string())
        if dtype == nil { throw damaged("a tensor has a dtype that is not known") }
      case "shape": shape = try array { (json) throws(StoreError) in try json.integer() }
      case "storage": storage = try integer()
      case "byteOffset": byteOffset = try integerIfAny() ?? 0
      case "byteCount": byteCount = try integer()
      case "isParameter": isParameter = try isNull() ? false : try bool()
      case "requiresGrad": requiresGrad = try isNull() ? false : try bool()
      case "sameObjectAs": sameObjectAs = try integerIfAny()
      default: try skipValue()
      }
    }
    return TensorDescriptor(
      name: try require(text, "name"), dtype: try require(dtype, "dtype"), shape: Shape(try require(shape, "shape")),
      storage: try require(storage, "storage"), byteOffset: byteOffset, byteCount: try require(byteCount, "byteCount"),
      isParameter: isParameter, requiresGrad: requiresGrad, sameObjectAs: sameObjectAs)
  }

  private mutating func modules() throws(StoreError) -> [StateDict.ModuleMetadata] {
    try array { (json) throws(StoreError) in
      var path: String?
      var fields: [StateDict.ModuleMetadata.Field]?
      var members = try json.object()
      while let name = try members.next(&json) {
        switch name {
        case "path": path = try json.string()
        case "fields": fields = try json.fields()
        default: try json.skipValue()
        }
      }
      return StateDict.ModuleMetadata(path: try json.require(path, "path"), fields: try json.require(fields, "fields"))
    }
  }

  private mutating func fields() throws(StoreError) -> [StateDict.ModuleMetadata.Field] {
    try array { (json) throws(StoreError) in
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
      return .init(name: try json.require(text, "name"), value: try json.require(value, "value"))
    }
  }
}
