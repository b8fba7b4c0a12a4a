import BlobStore
import Foundation
import Logging
import PosixIO
import Remotes
import StoreRecords
import Tensors
import TestSupport
import WeightFormats
import WeightRegistry

/// A store with versions of `tiny`, a remote, and stores that pull from it.
final class RemoteFixture: Sendable {
  let scratch: TemporaryFolder
  let model: ModelName

  init() throws {
    scratch = try TemporaryFolder()
    model = try ModelName(validating: "tiny")
  }

  var layout: String { scratch("layout") }

  func open(_ name: String = "source", _ access: StoreAccess = .writing()) throws -> WeightRegistry {
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    return try WeightRegistry(storePath: scratch(name), access: access, logger: logger)
  }

  func version(_ text: String) throws -> VersionName { try VersionName(validating: text) }

  /// Weights with a large tensor of `count` numbers, of which `seed` tells one from another, and a small one.
  static func weights(count: Int = 1000, seed: Float = 0, bias: Float = 0.5) -> SmallWeights {
    SmallWeights([("large", (0..<count).map { Float($0 % 8191) + seed }), ("bias", [bias])])
  }

  @discardableResult
  func importVersion(
    _ name: String, _ weights: SmallWeights = RemoteFixture.weights(), as view: String = "safetensors",
    files: [String: String] = ["config.json": "{}\n"], into registry: WeightRegistry
  ) throws -> Manifest {
    let bytes = try view == "pt" ? weights.torchZip() : weights.safetensors()
    let source = try scratch.write("import.\(view)", bytes)
    let others = try files.sorted { $0.key < $1.key }.enumerated().map { index, file in
      ImportRequest.OtherFile(source: try scratch.write("other-\(index)", Array(file.value.utf8)), path: file.key)
    }
    return try registry.importing(
      ImportRequest(model: model, version: try version(name), source: source, view: view, files: others))
  }

  func reference(_ tag: String?) throws -> RemoteReference {
    try RemoteReference(validating: "oci:\(layout)" + (tag.map { ":\($0)" } ?? ""))
  }

  @discardableResult
  func push(_ name: String, from registry: WeightRegistry, portable: Bool = false) throws -> PushReport {
    let remote = try reference(name).open(creating: true)
    // Not in the home of whoever runs the tests.
    let cache = SumCache(path: scratch("sums"))
    return try Push(registry, to: remote, remembering: cache)(model, try version(name), as: name, portable: portable)
  }

  @discardableResult
  func pull(
    _ tag: String, into registry: WeightRegistry, as name: String? = nil, activating: Bool = false,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws -> PullReport {
    let reference = try reference(tag)
    let remote = try reference.open()
    return try Pull(registry, from: remote)(
      try reference.resolve(in: remote, unless: .never), as: (nil, try name.map(version)), activating: activating,
      progress: progress)
  }

  /// The bytes of a view.
  func bytes(of view: String, _ name: String, in registry: WeightRegistry) throws -> [UInt8] {
    let opened = try registry.views.open(view, of: model, try version(name))
    return try opened.bytes(at: 0, count: opened.byteCount, what: view)
  }

  /// The path of a blob of the layout, relative to the scratch folder.
  func path(of digest: Digest) -> String { "layout/blobs/sha256/\(digest)" }

  /// All that a store presents, and all of its blobs.
  func snapshot(of store: String) throws -> [String] {
    try scratch.files(below: store).filter { !$0.contains("/.staging/") && !$0.contains("index.sqlite") }
  }
}
