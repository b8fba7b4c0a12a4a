import BlobStore
import Foundation
import Logging
import StoreRecords
import Tensors
import TestSupport
import WeightRegistry

/// What a store presents and keeps, a line each, for comparing before and after: without times, processes and numbers, which
/// differ between runs.
struct StoreState: Hashable, CustomStringConvertible {
  private(set) var lines: [String] = []
  var description: String { lines.joined(separator: "\n") }

  /// - Parameters:
  ///   - path: of a store; if there is none it is like an empty one.
  ///   - showingTables: whether versions with other tables differ, if they show the same.
  init(ofStoreAt path: String, showingTables: Bool = true) throws {
    guard let registry = try Self.open(path) else { return }
    for model in registry.records.models {
      let history = try registry.records.history(of: model).map {
        "\($0.from?.text ?? "")->\($0.to)\($0.isRollback ? "*" : "")"
      }
      lines.append("\(model) active \(registry.records.activeVersion(of: model)?.text ?? "none") \(history)")
      for version in try registry.records.versions(of: model) {
        let place = registry.records.isCheckpoint(model, version) ? "checkpoint" : "version"
        lines.append("\(place) \(Self.text(try registry.records.manifest(of: model, version), showingTables))")
      }
    }
    let files = Set(Self.files(at: path))
    for file in files.sorted() where file.hasSuffix(".z") && !files.contains(String(file.dropLast(2))) {
      lines.append("compressed \(file.prefix(8))")
    }
    for model in try registry.records.backups.models() {
      for record in try registry.records.backups(of: model) {
        lines.append("\(record.isPinned ? "backup" : "removed") \(Self.text(record.manifest, showingTables))")
      }
    }
  }

  private static func text(_ manifest: Manifest, _ showingTables: Bool) -> String {
    let weights = manifest.weights.map { "\($0.path)=\($0.blob.hexadecimal.prefix(8))" }
    let files = manifest.files.map { "\($0.path)=\($0.digest?.hexadecimal.prefix(8) ?? "")" }
    let views = (manifest.main?.views ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
    let table = showingTables ? manifest.main?.table.hexadecimal.prefix(8) ?? "" : ""
    return "\(manifest.model)/\(manifest.version) \(table) \(weights + files + views)"
  }

  private static func open(_ path: String) throws -> WeightRegistry? {
    do {
      return try WeightRegistry(
        storePath: path, access: .reading, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    } catch  where error.code == .noStore {
      return nil
    }
  }

  /// What is wrong with the content of the store at `path`: versions that do not validate, and blobs that are missed.
  static func problems(ofStoreAt path: String) throws -> [String] {
    guard let registry = try open(path) else { return [] }
    var problems: [String] = []
    for model in registry.records.models {
      for version in try registry.records.versions(of: model) {
        let report = try registry.validation.validate(model, version)
        if !report.isValid { problems.append(report.text) }
      }
    }
    let stored = stored(at: path)
    let missing = try needed(by: registry).subtracting(stored)
    let differences = try registry.blobs.differences
    for (blob, bases) in differences {
      for base in bases where !stored.contains(base.hexadecimal) {
        problems.append("\(base), base of \(blob), is missing")
      }
      for base in bases where differences[base] != nil { problems.append("\(base), base of \(blob), is a difference") }
    }
    return problems + missing.map { "blob \($0) is missing" }
  }

  /// Names of blobs that nothing needs, and of what was left in `.staging`.
  static func leftovers(inStoreAt path: String) throws -> [String] {
    guard let registry = try open(path) else { return [] }
    let staged = try FileManager.default.contentsOfDirectory(atPath: path + "/.staging").filter {
      !["changes", "lock"].contains($0)
    }
    let files = files(at: path)
    // A compressed file beside a plain one is what an interruption left.
    let seconds = files.filter { $0.hasSuffix(".z") && files.contains(String($0.dropLast(2))) }
    return staged + seconds + stored(at: path).subtracting(try needed(by: registry)).sorted()
  }

  private static func needed(by registry: WeightRegistry) throws -> Set<String> {
    var needed: Set<Digest> = []
    for model in registry.records.models {
      for version in try registry.records.versions(of: model) {
        needed.formUnion(try registry.records.manifest(of: model, version).blobs)
      }
    }
    for model in try registry.records.backups.models() {
      for record in try registry.records.backups(of: model) { needed.formUnion(record.manifest.blobs) }
    }
    return Set(needed.map(\.hexadecimal))
  }

  /// Names of all blobs.
  static func stored(at path: String) -> Set<String> {
    Set(files(at: path).map { $0.hasSuffix(".z") ? String($0.dropLast(2)) : $0 })
  }

  /// Names of the files that have them.
  private static func files(at path: String) -> [String] {
    let names = FileManager.default.subpaths(atPath: path + "/weights/sha256") ?? []
    return names.filter { $0.contains("/") }.map { $0.replacing("/", with: "") }
  }
}
