import FoundationEssentials
import StoreRecords
import WeightRegistry

/// What an import of files would do, for `tantra import --dry-run`. Nothing is written, neither to the store nor to a mount of it.
struct ImportRehearsal {
  let imports: [RehearsedImport]

  /// Why the import would fail; nil if it would not.
  var refusal: StoreError? { imports.compactMap(\.refusal).first }

  /// - Parameters:
  ///   - stateDictOnly: whether only the state dict is taken of a file that would run code.
  ///   - planning: what files become, beside what the records tell.
  init(in store: StoreOptions, stateDictOnly: Bool, planning: (RecordStore) throws -> ImportPlan) throws {
    let path = try store.path
    let registry: WeightRegistry
    // The import would make the store: here an empty one stands for it.
    var stand: StandInStore?
    if FileManager.default.fileExists(atPath: path) {
      registry = try store.openForReading(at: path)
    } else {
      let made = try StandInStore()
      registry = try store.openForReading(at: made.path)
      stand = made
    }
    var imports: [RehearsedImport] = []
    for var request in try planning(registry.records).requests {
      let bar = ProgressBar(request.source)
      defer { bar.finish() }
      if stateDictOnly { request.alone = try StateDictAlone(of: request.source) }
      imports.append(try registry.rehearsal(request, progress: Interruption.stopping(bar.handler)))
    }
    withExtendedLifetime(stand) {}
    self.imports = imports
  }

  /// For people.
  var text: String {
    imports.map { one in
      let views = one.views.map { "model.\($0)" }.joined(separator: ", ")
      let outcome =
        switch one.outcome {
        case .published: "would publish \(one.model)/\(one.version)"
        case .extended: "would add to \(one.model)/\(one.version), which has these weights"
        case .refused: "would refuse \(one.model)/\(one.version)"
        }
      let head =
        outcome + (views.isEmpty ? "" : ": \(views)") + (one.isActive && one.outcome != .refused ? "; active" : "")
      let rows = one.files.map { file in
        [
          file.source, file.fate.rawValue, file.fate == .refused ? "-" : file.path, file.format ?? "",
          file.parameterCount.map(Console.grouped) ?? "",
        ]
      }
      let notes = one.files.compactMap { file in
        file.reason.map { "\(file.path): \($0)" + (file.proposal.map { "; \($0) would do" } ?? "") }
      }
      return ([head, Console.table(["FILE", "BECOMES", "AS", "FORMAT", "PARAMETERS"], rows)] + notes)
        .joined(separator: "\n")
    }.joined(separator: "\n\n")
  }
}

/// An empty store that goes with this object.
private final class StandInStore {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/tantra-dry-run-\(UUID().uuidString)"
    _ = try StoreFolder(path: path, creating: true)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch {
      Console.error("\(path) could not be removed: \(error)")
    }
  }
}
