import StoreRecords
import WeightFormats
import WeightRegistry

/// Everything that is computed of a version: `model-F32.gguf`, `model-Q8_0.gguf` and so on, `int8/model.safetensors` with its config.json,
/// and the like.
struct DerivedFiles {
  private let source: DerivedSource
  private let table: Table
  private let views: ViewCatalogue
  private let models: LastModel

  init(_ source: DerivedSource, _ table: Table, _ views: ViewCatalogue, _ models: LastModel) {
    self.source = source
    self.table = table
    self.views = views
    self.models = models
  }

  private static func path(_ type: GGUFType) -> String { "model-\(type.name).gguf" }

  /// The file at a path.
  func file(at path: String) throws(DerivedFailure) -> DerivedFile {
    let type = GGUFType.offered.first { Self.path($0) == path }
    if let type, let known = models[source.content] {
      return try DerivedFailure.catching { () throws(Withheld) in try file(type, known) }
    }
    let input = try source.input(table, views)
    return try DerivedFailure.catching { () throws(Withheld) in
      if let type { return try file(type, try model(input)) }
      for folder in QuantizedFolders.all {
        if path == folder.weightsPath { return try folder.files(input).weights }
        if path == folder.configurationPath { return try folder.files(input).configuration }
      }
      throw Withheld("there is no such kind of file")
    }
  }

  private func model(_ input: ModelInput) throws(Withheld) -> GGUFModel {
    let model = try GGUFArchitectures.model(input)
    models.keep(model, of: source.content)
    return model
  }

  private func file(_ type: GGUFType, _ model: GGUFModel) throws(Withheld) -> DerivedFile {
    guard model.uses(type) else {
      throw Withheld(
        type.block.elementCount > 1
          ? "no matrix has rows of a multiple of \(type.block.elementCount), which \(type.name) takes at a time"
          : "no tensor would be \(type.name)")
    }
    return try model.file(type, of: table.stateDict)
  }

  /// All files, and why there is none of a name.
  func all() throws(StoreError) -> DerivedListing {
    var files: [DerivedListing.File] = []
    // Headers may be large: only their sizes are kept.
    func list(_ path: String, _ file: DerivedFile) {
      files.append(.init(path: path, byteCount: file.byteCount, types: file.types))
    }
    var missing: [DerivedListing.Missing] = []
    func note(_ path: String, _ body: () throws(Withheld) -> Void) {
      do throws(Withheld) {
        try body()
      } catch {
        missing.append(.init(path: path, reason: error.description))
      }
    }
    let input: ModelInput
    do throws(DerivedFailure) {
      input = try source.input(table, views)
    } catch {
      switch error {
      case .store(let error): throw error
      case .withheld(let why):
        return DerivedListing(
          content: source.content, files: [],
          missing: [.init(path: "model-*.gguf", reason: why.description)])
      }
    }
    var readers: DerivedListing.GGUFReaders?
    note("model-*.gguf") { () throws(Withheld) in
      let model = try model(input)
      for type in GGUFType.offered {
        note(Self.path(type)) { () throws(Withheld) in list(Self.path(type), try file(type, model)) }
      }
      if !files.isEmpty { readers = model.readers }
    }
    for folder in QuantizedFolders.all {
      note(folder.name) { () throws(Withheld) in
        let (weights, configuration) = try folder.files(input)
        list(folder.weightsPath, weights)
        list(folder.configurationPath, configuration)
      }
    }
    return DerivedListing(content: source.content, files: files, missing: missing, gguf: readers)
  }
}
