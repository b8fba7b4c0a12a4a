/// A file that was made and opened in one step.
package struct CreatedFile: Sendable, Hashable {
  package var item: DirectoryItem
  package var file: OpenFile
  package init(item: DirectoryItem, file: OpenFile) {
    self.item = item
    self.file = file
  }
}

/// What setting an extended attribute does with one that is there, or is not.
package enum AttributeMode: Sendable, Hashable {
  case making
  /// `XATTR_CREATE`: `EEXIST` if it is there.
  case creating
  /// `XATTR_REPLACE`: `ENODATA` if it is not.
  case replacing
}

/// What a rename does with a name that is there already.
package enum RenameMode: Sendable, Hashable {
  case replacing
  /// `RENAME_NOREPLACE`: `EEXIST`.
  case keeping
  /// `RENAME_EXCHANGE`.
  case exchanging
}
