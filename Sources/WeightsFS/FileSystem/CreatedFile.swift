/// A file that was made and opened in one step.
package struct CreatedFile: Sendable, Hashable {
  package var item: DirectoryItem
  package var file: OpenFile
  package init(item: DirectoryItem, file: OpenFile) {
    self.item = item
    self.file = file
  }
}

/// What a rename does with a name that is there already.
package enum RenameMode: Sendable, Hashable {
  case replacing
  /// `RENAME_NOREPLACE`: `EEXIST`.
  case keeping
  /// `RENAME_EXCHANGE`.
  case exchanging
}
