import StoreRecords
import WeightRegistry

/// The GGUF files of a version: `model-F32.gguf`, `model-Q8_0.gguf` and so on.
struct GGUFFiles {
  private let source: DerivedSource
  private let table: Table
  private let views: ViewCatalogue

  init(_ source: DerivedSource, _ table: Table, _ views: ViewCatalogue) {
    self.source = source
    self.table = table
    self.views = views
  }

  static func path(_ type: BlockType) -> String { "model-\(type.name).gguf" }

  private func model() throws(DerivedFailure) -> GGUFModel {
    let input = try source.input(table, views)
    return try DerivedFailure.catching { () throws(Withheld) in try GGUFArchitectures.model(input) }
  }

  /// The file at a path.
  func file(at path: String) throws(DerivedFailure) -> DerivedFile {
    guard let type = BlockType.offered.first(where: { Self.path($0) == path }) else {
      throw .withheld(Withheld("there is no such kind of file"))
    }
    return try file(type, model())
  }

  private func file(_ type: BlockType, _ model: GGUFModel) throws(DerivedFailure) -> DerivedFile {
    try DerivedFailure.catching { () throws(Withheld) in
      guard model.uses(type) else {
        throw Withheld(
          type.elementCount > 1
            ? "no matrix has rows of a multiple of \(type.elementCount), which \(type.name) takes at a time"
            : "no tensor would be \(type.name)")
      }
      return try model.file(type, of: table.stateDict)
    }
  }

  /// All files, or why there is none of a name.
  func all() throws(StoreError) -> [(path: String, Result<DerivedFile, Withheld>)] {
    var all: [(path: String, Result<DerivedFile, Withheld>)] = []
    do throws(DerivedFailure) {
      let model = try model()
      for type in BlockType.offered {
        do throws(DerivedFailure) {
          all.append((Self.path(type), .success(try file(type, model))))
        } catch {
          guard case .withheld(let why) = error else { throw error }
          all.append((Self.path(type), .failure(why)))
        }
      }
    } catch {
      switch error {
      case .store(let error): throw error
      case .withheld(let why): return [("model-*.gguf", .failure(why))]
      }
    }
    return all
  }
}
