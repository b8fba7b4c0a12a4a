import Tensors
import WeightFormats

extension Manifest {
  /// Reads a manifest of any format; `what` names it in the error.
  ///
  /// - Throws: `damaged`, saying where.
  package static func read(_ bytes: [UInt8], what: String) throws(StoreError) -> Manifest {
    if let manifest = JSONReader.scan(bytes, scan) { return manifest }
    return try StoreCoding.decode(Manifest.self, from: bytes, what: what)
  }

  private static func scan(_ reader: inout JSONReader) throws(FormatError) -> Manifest? {
    var (model, version): (ModelName?, VersionName?) = (nil, nil)
    var (revision, provenance): (Int?, Provenance?) = (nil, nil)
    var (main, weights, files): (MainStateDict?, [WeightRecord]?, [FolderFile]?) = (nil, nil, nil)
    let isPlain = try reader.members { name, reader throws(FormatError) in
      switch name {
      case "files": files = try reader.elements(FolderFile.scan)
      case "main":
        main = try MainStateDict.scan(&reader)
        return main != nil
      case "model": model = ModelName(try reader.text())
      case "provenance": provenance = try Provenance.scan(&reader)
      case "revision": revision = try reader.integer()
      case "version": version = VersionName(try reader.text())
      case "weights": weights = try reader.elements(WeightRecord.scan)
      default: return false
      }
      return true
    }
    guard isPlain, let model, let version, let revision, let weights, let files, let provenance else { return nil }
    var manifest = Manifest(model: model, version: version, main: main, weights: weights, provenance: provenance)
    (manifest.revision, manifest.files) = (revision, files)
    return manifest
  }
}

extension Manifest.MainStateDict {
  fileprivate static func scan(_ reader: inout JSONReader) throws(FormatError) -> Self? {
    var (table, packs): (Digest?, [Digest]?) = (nil, nil)
    var (tensorCount, parameterCount): (Int?, Int?) = (nil, nil)
    var views: [String: Int]?
    let isPlain = try reader.members { name, reader throws(FormatError) in
      switch name {
      case "packs": packs = try reader.digests()
      case "parameterCount": parameterCount = try reader.integer()
      case "table": table = try reader.digest()
      case "tensorCount": tensorCount = try reader.integer()
      case "views":
        var sizes: [String: Int] = [:]
        views =
          try reader.members { name, reader throws(FormatError) in
            sizes[name] = try reader.integer()
            return sizes[name] != nil
          } ? sizes : nil
      default: return false
      }
      return true
    }
    guard isPlain, let table, let packs, let tensorCount, let parameterCount, let views else { return nil }
    return Self(table: table, packs: packs, tensorCount: tensorCount, parameterCount: parameterCount, views: views)
  }
}

extension Manifest.Provenance {
  fileprivate static func scan(_ reader: inout JSONReader) throws(FormatError) -> Self? {
    var (source, uid, time): (String?, UInt32?, Int64?) = (nil, nil, nil)
    let isPlain = try reader.members { name, reader throws(FormatError) in
      switch name {
      case "source": source = try reader.text()
      case "time": time = try reader.integer(Int64.self)
      case "uid": uid = try reader.integer(UInt32.self)
      default: return false
      }
      return true
    }
    guard isPlain, let source, let uid, let time else { return nil }
    return Self(source: source, uid: uid, time: time)
  }
}

extension WeightRecord {
  fileprivate static func scan(_ reader: inout JSONReader) throws(FormatError) -> Self? {
    var (path, format, isPlainZip): (String?, String?, Bool?) = (nil, nil, nil)
    var (blob, byteCount, modified): (Digest?, Int?, Int64?) = (nil, nil, nil)
    var (table, packs, extras, counts): (Digest?, [Digest]?, [String]?, Counts?) = (nil, nil, nil, nil)
    let isPlain = try reader.members { name, reader throws(FormatError) in
      switch name {
      case "blob": blob = try reader.digest()
      case "byteCount": byteCount = try reader.integer()
      case "counts":
        counts = try Counts.scan(&reader)
        return counts != nil
      case "extras": extras = try reader.elements { reader throws(FormatError) in try reader.text() }
      case "format": format = try reader.text()
      case "isPlain": isPlainZip = try reader.boolean()
      case "modified": modified = try reader.integer(Int64.self)
      case "packs": packs = try reader.digests()
      case "path": path = try reader.text()
      case "table":
        table = try reader.digest()
        return table != nil
      default: return false
      }
      return true
    }
    guard isPlain, let path, let format, let blob, let byteCount, let modified, let packs, let isPlainZip, let extras
    else { return nil }
    return Self(
      path: path, format: format, blob: blob, byteCount: byteCount, modified: modified, table: table, packs: packs,
      isPlain: isPlainZip, extras: extras, counts: counts)
  }
}

extension WeightRecord.Counts {
  fileprivate static func scan(_ reader: inout JSONReader) throws(FormatError) -> Self? {
    var (tensorCount, parameterCount): (Int?, Int?) = (nil, nil)
    let isPlain = try reader.members { name, reader throws(FormatError) in
      switch name {
      case "parameterCount": parameterCount = try reader.integer()
      case "tensorCount": tensorCount = try reader.integer()
      default: return false
      }
      return true
    }
    guard isPlain, let tensorCount, let parameterCount else { return nil }
    return Self(tensorCount: tensorCount, parameterCount: parameterCount)
  }
}

extension FolderFile {
  /// nil for other files than ordinary ones of the usual permissions.
  fileprivate static func scan(_ reader: inout JSONReader) throws(FormatError) -> Self? {
    var (path, byteCount, modified): (String?, Int?, Int64?) = (nil, nil, nil)
    var (blob, digest): (Digest?, Digest?) = (nil, nil)
    let isPlain = try reader.members { name, reader throws(FormatError) in
      switch name {
      case "blob": blob = try reader.digest()
      case "byteCount": byteCount = try reader.integer()
      case "digest": digest = try reader.digest()
      case "modified": modified = try reader.integer(Int64.self)
      case "path": path = try reader.text()
      default: return false
      }
      return true
    }
    guard isPlain, let path, let blob, let digest, let byteCount, let modified else { return nil }
    return Self(path: path, blob: blob, digest: digest, byteCount: byteCount, modified: modified)
  }
}
