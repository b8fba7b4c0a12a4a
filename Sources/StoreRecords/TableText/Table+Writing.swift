package import BlobStore
package import Tensors

extension Table {
  /// Stores the table as a blob, durably: JSON with sorted keys and no white space. Its text may be larger than the table, and is
  /// never in memory as a whole.
  ///
  /// - Returns: the blob, and the size of the text.
  package func store(in blobs: BlobStore, _ pins: BlobPins) throws(StoreError) -> (blob: Digest, byteCount: Int) {
    var byteCount = 0
    do throws(BlobStoreError) {
      let blob = try blobs.store(pins) { (append) throws(BlobStoreError) in
        try write { (piece) throws(BlobStoreError) in
          byteCount += piece.count
          try append(piece)
        }
      }
      return (blob, byteCount)
    } catch {
      throw StoreError(error)
    }
  }

  /// Writes the table's text, a piece at a time.
  package func write(_ append: (_ piece: [UInt8]) throws(BlobStoreError) -> Void) throws(BlobStoreError) {
    var json = JSONText()
    func handOn(_ json: inout JSONText) throws(BlobStoreError) {
      if let piece = json.takePiece() { try append(piece) }
    }
    json.raw("{\"packs\":")
    try json.array(packs) { (json, pack) throws(BlobStoreError) in
      json.raw("{\"blob\":")
      json.digest(pack.blob)
      json.raw(",\"segments\":")
      try json.array(pack.segments.segments) { (json, segment) throws(BlobStoreError) in
        json.raw("{\"byteCount\":")
        json.integer(segment.byteCount)
        json.raw(",\"digest\":")
        json.digest(segment.digest)
        json.raw(",\"offset\":")
        json.integer(segment.offset)
        json.raw("}")
        try handOn(&json)
      }
      json.raw("}")
    }
    json.raw(",\"partialDigests\":{")
    var isFirst = true
    // As texts: "10" comes before "2".
    for (key, digest) in partialDigests.map({ (String($0), $1) }).sorted(by: { $0.0 < $1.0 }) {
      if !isFirst { json.raw(",") }
      isFirst = false
      json.string(key)
      json.raw(":")
      json.digest(digest)
      try handOn(&json)
    }
    json.raw("},\"stateDict\":{\"container\":")
    json.string(stateDict.container.rawValue)
    if let metadata = stateDict.metadata {
      json.raw(",\"metadata\":")
      try json.array(metadata) { (json, module) throws(BlobStoreError) in
        json.raw("{\"fields\":")
        try json.array(module.fields) { (json, field) throws(BlobStoreError) in
          json.raw("{\"name\":")
          json.string(field.name)
          json.raw(",\"value\":")
          json.integer(field.value)
          json.raw("}")
        }
        json.raw(",\"path\":")
        json.string(module.path)
        json.raw("}")
        try handOn(&json)
      }
    }
    json.raw(",\"storageSizes\":")
    try json.array(stateDict.storageSizes) { (json, size) throws(BlobStoreError) in
      json.integer(size)
      try handOn(&json)
    }
    json.raw(",\"tensors\":")
    try json.array(stateDict.tensors) { (json, tensor) throws(BlobStoreError) in
      try Self.write(tensor, to: &json)
      try handOn(&json)
    }
    json.raw("}")
    if let stitch {
      json.raw(",\"stitch\":{\"pack\":")
      json.integer(stitch.pack)
      json.raw(",\"pieces\":")
      try json.array(stitch.pieces) { (json, piece) throws(BlobStoreError) in
        json.raw("{\"literal\":")
        json.integer(piece.literalByteCount)
        json.member(",\"storage\":", piece.storage)
        json.raw("}")
        try handOn(&json)
      }
      json.raw(",\"segment\":")
      json.integer(stitch.segment)
      json.raw("}")
    }
    json.raw(",\"storages\":")
    try json.array(storages) { (json, storage) throws(BlobStoreError) in
      json.raw("{\"crc32\":")
      json.integer(storage.crc32)
      json.member(",\"descriptorWord\":", storage.descriptorWord)
      json.member(",\"pack\":", storage.pack)
      json.member(",\"segment\":", storage.segment)
      json.raw("}")
      try handOn(&json)
    }
    json.raw("}")
    try append(json.takeAll())
  }

  /// Leaves out what has its default value, so that the common tensor is one short line.
  private static func write(_ tensor: TensorDescriptor, to json: inout JSONText) throws(BlobStoreError) {
    json.raw("{\"byteCount\":")
    json.integer(tensor.byteCount)
    json.member(",\"byteOffset\":", tensor.byteOffset == 0 ? nil : tensor.byteOffset)
    json.raw(",\"dtype\":")
    json.string(tensor.dtype.rawValue)
    if tensor.isParameter { json.raw(",\"isParameter\":true") }
    json.raw(",\"name\":")
    json.string(tensor.name)
    if tensor.requiresGrad { json.raw(",\"requiresGrad\":true") }
    json.member(",\"sameObjectAs\":", tensor.sameObjectAs)
    json.raw(",\"shape\":")
    try json.array(tensor.shape.dimensions) { (json, dimension) throws(BlobStoreError) in json.integer(dimension) }
    json.raw(",\"storage\":")
    json.integer(tensor.storage)
    json.raw("}")
  }
}
