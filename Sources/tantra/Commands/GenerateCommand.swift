import ArgumentParser
import FoundationEssentials
import StoreRecords
import TantraRuntime
import Tensors
import WeightFormats
import WeightRegistry

/// `tantra generate [MODEL...] [--seed N]`
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Make freshly initialised weights of the bundled models.",
    discussion: """
      Models: \(ModelArchitecture.all.map { "\($0.name) (\($0.parameterCount) parameters)" }.joined(separator: ", ")). \
      The same seed gives the same bytes on every machine. The store must not be mounted meanwhile.
      """)

  @Argument(help: "Names of models; all if left out.") var models: [String] = []
  @Option(help: "Seed of the generator.") var seed: UInt64 = ModelArchitecture.defaultSeed
  @Option(help: "Version that the weights become.") var version = "v1.0"
  @Flag(help: "Make the version active.") var active = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let version = try VersionName(validating: version)
    let names = models.isEmpty ? ModelArchitecture.all.map(\.name) : models
    let architectures = try names.map { name in
      guard let architecture = ModelArchitecture.named(name) else {
        throw CommandFailure(
          .noInput,
          "no bundled model is called \"\(name)\""
            + NearMatch.hint(for: name, among: ModelArchitecture.all.map(\.name)))
      }
      return architecture
    }
    let manifests = try store.makingStore {
      let registry = try store.openForWriting()
      return try architectures.map { architecture in
        let manifest = try generate(architecture, version, into: registry)
        if !json {
          Console.print(
            "\(manifest.model)/\(manifest.version): \(Console.grouped(manifest.main?.parameterCount ?? 0)) parameters in "
              + "\(manifest.main?.tensorCount ?? 0) tensors, seed \(seed)")
        }
        return manifest
      }
    }
    if json { try Console.print(json: manifests) }
  }

  private func generate(
    _ architecture: ModelArchitecture, _ version: VersionName, into registry: WeightRegistry
  ) throws -> Manifest {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tantra-generate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer {
      do { try FileManager.default.removeItem(at: folder) } catch { Console.error("\(folder.path) is left: \(error)") }
    }
    let (stateDict, storages) = architecture.weights(seed: seed)
    let checksums = storages.map { bytes in
      var hasher = StorageHasher()
      bytes.withUnsafeBytes { hasher.update($0) }
      return hasher.finalize()
    }
    var file = Data()
    for segment in try SafetensorsFormat().layout(of: stateDict, checksums: checksums).segments {
      switch segment {
      case .literal(let bytes): file.append(contentsOf: bytes)
      case .storage(let index, let offset, let byteCount):
        file.append(contentsOf: storages[index][offset..<offset + byteCount])
      }
    }
    let weights = folder.appendingPathComponent("\(architecture.name)_seed\(seed).safetensors")
    let configuration = folder.appendingPathComponent("config.json")
    try file.write(to: weights)
    try Data(architecture.configuration.utf8).write(to: configuration)
    return try registry.importing(
      ImportRequest(
        model: try ModelName(validating: architecture.name), version: version, source: weights.path,
        view: "safetensors", files: [.init(source: configuration.path, path: "config.json")], activating: active))
  }
}
