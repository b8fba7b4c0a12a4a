import Synchronization
import WeightRegistry

/// Symbolic links that were made a moment ago: `ln -sfn` makes one under a random name and renames it.
final class TemporaryLinks: Sendable {
  struct Name: Hashable, Sendable {
    var model: ModelName
    var name: VersionName
  }

  private let links = Mutex<[Name: VersionName]>([:])

  subscript(model: ModelName, name: VersionName) -> VersionName? {
    get { links.withLock { $0[Name(model: model, name: name)] } }
    set { links.withLock { $0[Name(model: model, name: name)] = newValue } }
  }

  /// Those of a model.
  func all(of model: ModelName) -> [VersionName: VersionName] {
    links.withLock { links in
      Dictionary(
        links.filter { $0.key.model == model }.map { ($0.key.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
  }
}
