import DerivedViews
import Foundation
import Logging
import StoreRecords
import TestSupport
import WeightFormats
import WeightRegistry

/// A store in a temporary folder, and what is computed of its versions.
struct DerivedFixture {
  let registry: WeightRegistry
  let derived: DerivedCatalogue
  /// Last, so that it goes last.
  let scratch: TemporaryFolder

  init() throws {
    scratch = try TemporaryFolder()
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    registry = try WeightRegistry(storePath: scratch("store"), access: .writing(), logger: logger)
    derived = DerivedCatalogue(registry)
  }

  /// Imports FOLDER/model.safetensors, the files beside it, and those in folders.
  @discardableResult
  func importFolder(_ path: String, as model: String, without: [String] = []) throws -> VersionFolder {
    let names = try FileManager.default.subpathsOfDirectory(atPath: path).sorted().filter { name in
      var isFolder = ObjCBool(false)
      return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder) && !isFolder.boolValue
    }
    let files = names.filter { $0 != "model.safetensors" && !$0.hasSuffix(".gguf") && !without.contains($0) }
    return try importFile(
      "\(path)/model.safetensors", as: model, files: files.map { .init(source: "\(path)/\($0)", path: $0) })
  }

  /// Imports weights, with files whose texts are given.
  @discardableResult
  func importFile(_ path: String, as model: String, texts: [String: String]) throws -> VersionFolder {
    try importFile(path, as: model, contents: texts.mapValues { Array($0.utf8) })
  }

  /// Imports weights, with files whose bytes are given.
  @discardableResult
  func importFile(_ path: String, as model: String, contents: [String: [UInt8]]) throws -> VersionFolder {
    try importFile(
      path, as: model,
      files: try contents.map { name, bytes in
        .init(source: try scratch.write("text-\(UUID().uuidString)", bytes), path: name)
      })
  }

  private func importFile(
    _ path: String, as model: String, files: [ImportRequest.OtherFile]
  ) throws -> VersionFolder {
    let model = try ModelName(validating: model)
    let version = try VersionName(validating: "v1")
    try registry.importing(
      ImportRequest(model: model, version: version, source: path, view: "safetensors", files: files))
    guard let folder = try registry.records.folder(of: model, version) else {
      throw OracleFailure(description: "\(model) was not published")
    }
    return folder
  }

  /// Writes a safetensors file of F32 tensors with small numbers.
  func writeWeights(_ name: String, _ shapes: [(name: String, shape: [Int])]) throws -> String {
    var (header, data): ([String], [UInt8]) = ([], [])
    for (index, (name, shape)) in shapes.enumerated() {
      let start = data.count
      for element in 0..<shape.reduce(1, *) {
        let number = Float(element % 17 - 8 + index) / 64
        withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) }
      }
      header.append(#""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(start),\#(data.count)]}"#)
    }
    let text = Array("{\(header.joined(separator: ","))}".utf8)
    return try scratch.write(name, withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text + data)
  }

  /// Why there are no GGUF files of a version; nil if there are.
  func reason(_ folder: VersionFolder) throws -> String? {
    guard let listing = try derived.listing(of: folder), !listing.files.contains(where: { $0.path.hasSuffix(".gguf") })
    else { return nil }
    return listing.missing.first { $0.path == "model-*.gguf" }?.reason
  }

  /// What the gguf package reads of a derived file: lines of keys and tensors.
  func lines(_ path: String, of folder: VersionFolder) throws -> [String] {
    let copy = try scratch.write("copy-\(UUID().uuidString).gguf", try bytes(path, of: folder))
    return try Python.oracle("gguf_keys.py", [copy]).split(separator: "\n").map(String.init)
  }

  /// All bytes of a derived file.
  func bytes(_ path: String, of folder: VersionFolder) throws -> [UInt8] {
    let view = try derived.open(path, of: folder)
    return try view.bytes(at: 0, count: view.byteCount, what: path)
  }
}
