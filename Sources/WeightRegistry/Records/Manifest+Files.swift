extension Manifest {
  /// Whether a file of the version was removed from its folder.
  package func hides(_ path: String) -> Bool { hidden?.contains(path) ?? false }

  /// Takes a file out of the folder; nothing else changes.
  package mutating func hide(_ path: String) { hidden = (hidden ?? []).union([path]) }

  /// Shows a file again.
  package mutating func show(_ path: String) {
    hidden?.remove(path)
    if hidden?.isEmpty == true { hidden = nil }
  }

  /// Whether the folder shows no file at all.
  package var isAllHidden: Bool {
    views.keys.allSatisfy { hides("model.\($0)") } && sidecars.allSatisfy { hides($0.path) }
      && (parts ?? []).allSatisfy { hides($0.view) }
  }

  /// The shard of that name.
  package func part(_ name: String) -> Original? { parts?.first { $0.view == name } }

  /// mtime of a view, in nanoseconds since 1970.
  package func modified(ofView view: String) -> Int64 {
    viewTimes?[view] ?? original(servedAs: view)?.modified ?? published
  }

  /// Gives a view another mtime.
  package mutating func setModified(_ time: Int64, ofView view: String) {
    if let index = originals.firstIndex(where: { $0.view == view }) {
      originals[index].modified = time
      viewTimes?[view] = nil
    } else {
      viewTimes = (viewTimes ?? [:]).merging([view: time]) { _, new in new }
    }
  }

  /// Adds a file that travels with the version, or replaces it.
  package mutating func put(_ sidecar: Sidecar) {
    sidecars.removeAll { $0.path == sidecar.path }
    sidecars.append(sidecar)
    sidecars.sort { $0.path < $1.path }
    show(sidecar.path)
  }
}
