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

  /// Imports FOLDER/model.safetensors and the files beside it.
  @discardableResult
  func importFolder(_ path: String, as model: String, without: [String] = []) throws -> VersionFolder {
    let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    let files = names.filter { $0 != "model.safetensors" && !$0.hasSuffix(".gguf") && !without.contains($0) }
    return try importFile(
      "\(path)/model.safetensors", as: model, files: files.map { .init(source: "\(path)/\($0)", path: $0) })
  }

  /// Imports weights, with files whose texts are given.
  @discardableResult
  func importFile(_ path: String, as model: String, texts: [String: String]) throws -> VersionFolder {
    try importFile(
      path, as: model,
      files: try texts.map { name, text in
        .init(source: try scratch.write("text-\(UUID().uuidString)", Array(text.utf8)), path: name)
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

  /// All bytes of a derived file.
  func bytes(_ path: String, of folder: VersionFolder) throws -> [UInt8] {
    let view = try derived.open(path, of: folder)
    return try view.bytes(at: 0, count: view.byteCount, what: path)
  }
}
