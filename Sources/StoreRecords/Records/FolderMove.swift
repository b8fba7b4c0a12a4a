/// Another path for a folder in a version, with all that lies in it.
package struct FolderMove: Sendable, Hashable, Codable {
  @ExactName package var from: String
  @ExactName package var to: String

  package init(from: String, to: String) {
    self.from = from
    self.to = to
  }

  /// Whether a folder would lie in itself. "" is the version's own folder, which stays.
  package var isIntoItself: Bool { from.isEmpty || to.isEmpty || path(of: to) != nil }

  /// Whether something has a path in the folder now.
  package func isNew(_ path: String) -> Bool { FolderMove(from: to, to: from).path(of: path) != nil }

  /// The new path of the folder, or of what lies in it; nil for other paths, which stay.
  package func path(of path: String) -> String? {
    guard path.utf8.starts(with: from.utf8) else { return nil }
    let rest = path.utf8.dropFirst(from.utf8.count)
    return rest.isEmpty || rest.first == UInt8(ascii: "/") ? to + String(Substring(rest)) : nil
  }
}

extension Manifest {
  /// Lets weight files follow their folder. Those that have the paths of what comes go.
  mutating func move(_ move: FolderMove, over replaced: Set<ExactName>) {
    weights = weights.compactMap { file in
      var file = file
      if let path = move.path(of: file.path) { file.path = path } else if replaced.contains(file.$path) { return nil }
      return file
    }
  }
}
