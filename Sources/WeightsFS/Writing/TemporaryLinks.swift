import Dispatch
import Logging
import StoreRecords
import Synchronization
import WeightRegistry

/// Symbolic links that were made a moment ago: `ln -sfn` makes one under a random name and renames it.
final class TemporaryLinks: Sendable {
  struct Name: Hashable, Sendable {
    var model: ModelName
    var name: VersionName
  }

  struct Link: Sendable {
    var version: VersionName
    /// When it was made, in nanoseconds since 1970.
    var made: Int64
  }

  /// How long a link may wait for its final name before it becomes durable under the one that it has.
  private static let patience = DispatchTimeInterval.seconds(1)

  /// Held by whoever makes a link durable or moves it: a link that is renamed meanwhile would be kept under both names.
  private let turn = Mutex<Void>(())
  private let links = Mutex<[Name: Link]>([:])

  subscript(model: ModelName, name: VersionName) -> Link? {
    get { links.withLock { $0[Name(model: model, name: name)] } }
    set { links.withLock { $0[Name(model: model, name: name)] = newValue } }
  }

  /// Makes a link that becomes durable if nobody renames it soon.
  func add(_ alias: VersionName, to version: VersionName, of model: ModelName, in tree: MountedTree) {
    let link = Link(version: version, made: Timestamp.now())
    self[model, alias] = link
    tree.records.times.note(model, at: link.made)
    DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [weak tree] in
      guard let tree else { return }
      do throws(FileSystemError) {
        try self.inTurn { () throws(FileSystemError) in
          guard let link = self[model, alias] else { return }
          defer { self[model, alias] = nil }
          try tree.step(try tree.registry.activation.setAlias(alias, of: model, to: link.version, at: link.made))
        }
      } catch {
        tree.logger.error("\(model)/\(alias): the link could not be kept: \(error)")
      }
    }
  }

  /// Runs `body` while no link of this file system is made durable, renamed or removed.
  func inTurn(_ body: () throws(FileSystemError) -> Void) throws(FileSystemError) { try turn.inTurn(body) }

  /// Those of a model.
  func all(of model: ModelName) -> [VersionName: Link] {
    links.withLock { links in
      Dictionary(
        links.filter { $0.key.model == model }.map { ($0.key.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
  }
}
