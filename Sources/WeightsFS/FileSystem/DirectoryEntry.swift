/// The answer to a lookup.
package struct DirectoryItem: Sendable, Hashable {
  package var attributes: FileAttributes
  package init(attributes: FileAttributes) { self.attributes = attributes }
}

/// One line of a folder's listing.
package struct DirectoryEntry: Sendable, Hashable {
  package var name: String
  package var inode: InodeNumber
  package var kind: FileKind
  package init(name: String, inode: InodeNumber, kind: FileKind) {
    self.name = name
    self.inode = inode
    self.kind = kind
  }
}
