import Logging
import StoreRecords
import WeightFormats
import WeightRegistry

/// What a change of the store's records means for a mount: for its inodes, its open files, and those who observe its names.
struct RecordChanges {
  let tree: MountedTree

  /// Tells `observer` of every name that may have come, gone, or lead to other bytes, but for those that the kernel itself has just
  /// made, removed or closed: whoever works in a folder loses its path for a moment when the kernel has to look names up again.
  func observe(_ observer: @escaping @Sendable (TreeChange) -> Void) {
    tree.records.observe { [inodes = tree.inodes, ordinary = tree.ordinary] change in
      var change = change
      if case .published(let model, let version, let paths?) = change {
        let others = paths.filter { !ordinary.isChanging(FilePlace(model: model, version: version, path: $0)) }
        if others.isEmpty { return }
        change = .published(model, version, paths: others)
      }
      for (folder, name) in Self.names(touchedBy: change) {
        observer(TreeChange(parent: inodes.number(of: folder), name: name))
      }
    }
  }

  /// Lets what comes under the name of a version that is gone be another folder, whoever still has something of that one open.
  func retireInodes() {
    tree.records.observe { [inodes = tree.inodes, ordinary = tree.ordinary] change in
      guard case .removed(let model, let version, _) = change else { return }
      for (place, file) in ordinary.remove(in: model, version) { inodes.rename(.ordinary(place), to: file.node) }
      inodes.retire { node in
        guard let own = node.version else { return false }
        return own.model == model && own.version == version
      }
    }
  }

  /// Lets files that others have replaced or removed, as a restore does, go from their names, whoever still has them open.
  func releaseReplaced() {
    tree.records.observe { [tree] change in
      guard case .replaced(let model, let version, let paths) = change else { return }
      for path in paths {
        let place = FilePlace(model: model, version: version, path: path)
        guard let file = tree.ordinary[place], !tree.ordinary.isChanging(place) else { continue }
        do throws(FileSystemError) {
          switch try tree.versionFolder(of: model, version).content(at: path) {
          case .file(let record): if file.take(record) { continue }
          case .part, .view: continue
          case nil: break
          }
          OrdinaryNames(tree: tree).remove(place)
        } catch {
          tree.logger.warning("\(place) is shown as it was until it is closed: \(error)")
        }
      }
    }
  }

  private static func names(touchedBy change: RecordChange) -> [(folder: Node, name: String)] {
    switch change {
    // The link itself is looked up each time; its folder has another time.
    case .links(let model): [(.model(model), "active")]
    case .policies: []
    case .published(let model, let version, let paths):
      paths.map { $0.map { name(of: $0, in: model, version) } } ?? names(of: model, version)
    case .replaced(let model, let version, let paths): paths.map { name(of: $0, in: model, version) }
    case .removed(let model, let version, let paths):
      names(of: model, version) + paths.map { name(of: $0, in: model, version) }
    }
  }

  private static func name(
    of path: String, in model: ModelName, _ version: VersionName
  ) -> (folder: Node, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (.version(model, version), path) }
    let folder = FilePlace(model: model, version: version, path: String(path[..<slash]))
    return (.sidecarFolder(folder), String(path[path.utf8.index(after: slash)...]))
  }

  /// The names that come and go with a version, and those of its views.
  private static func names(of model: ModelName, _ version: VersionName) -> [(folder: Node, name: String)] {
    var names: [(Node, String)] = [
      (.model(model), version.text), (.root, model.text), (.modelRecords(model), version.text), (.records, model.text),
    ]
    for view in WeightFormatCatalogue.views {
      names.append((.version(model, version), view.fileName))
      names.append((.names, ProfessionalName(model: model, version: version, view: view.name).fileName))
    }
    return names
  }
}
