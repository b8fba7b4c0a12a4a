import Foundation
import Logging
import StoreRecords
import TestSupport
import WeightFormats
import WeightRegistry

/// A store in a temporary folder, and files to import.
struct RegistryFixture {
  let scratch: TemporaryFolder
  let model: ModelName
  let version: VersionName

  init() throws {
    scratch = try TemporaryFolder()
    model = try ModelName(validating: "mamba")
    version = try VersionName(validating: "v1.0")
  }

  var storePath: String { scratch("store") }

  func open(_ access: StoreAccess = .writing(), path: String? = nil) throws -> WeightRegistry {
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    return try WeightRegistry(storePath: path ?? storePath, access: access, logger: logger)
  }

  @discardableResult
  func importFile(
    _ bytes: [UInt8], as view: String, version: String = "v1.0", files: [String: String] = [:],
    into registry: WeightRegistry
  ) throws -> Manifest {
    let source = try scratch.write("upload.\(view)", bytes)
    let others = try files.map { path, text in
      ImportRequest.OtherFile(
        source: try scratch.write("other-\(path)", Array(text.utf8)), path: path)
    }
    return try registry.importing(
      ImportRequest(
        model: model, version: try VersionName(validating: version), source: source, view: view, files: others))
  }

  /// All bytes of a view.
  func bytes(of view: String, version: String = "v1.0", in registry: WeightRegistry) throws -> [UInt8] {
    let opened = try registry.views.open(view, of: model, try VersionName(validating: version))
    return try opened.bytes(at: 0, count: opened.byteCount, what: view)
  }

  /// Everything in the store but the lock and the index, for comparing before and after.
  func snapshot() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for path in try scratch.files(below: "store")
    where !path.contains("/.staging/") && !path.contains("/times/") && !path.hasPrefix("store/index.sqlite") {
      files[path] = try scratch.read(path)
    }
    return files
  }

  /// Flips a bit of the file at `path` (relative to the scratch folder), at the first place where `pattern` stands.
  func damage(_ path: String, at pattern: [UInt8]) throws {
    var bytes = try scratch.read(path)
    guard let index = bytes.indices.first(where: { bytes[$0...].starts(with: pattern) }) else {
      throw OracleFailure(description: "pattern not found in \(path)")
    }
    bytes[index] ^= 1
    try FileManager.default.removeItem(atPath: scratch(path))
    try scratch.write(path, bytes)
  }

  /// Path of a blob, relative to the scratch folder.
  func path(ofBlob hexadecimal: String) -> String {
    "store/weights/sha256/\(hexadecimal.prefix(2))/\(hexadecimal.dropFirst(2))"
  }
}
