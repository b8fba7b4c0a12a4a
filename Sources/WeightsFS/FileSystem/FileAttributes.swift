package enum FileKind: Sendable, Hashable {
  case directory, regular, symbolicLink
}

/// What `stat` reports.
package struct FileAttributes: Sendable, Hashable {
  package var inode: InodeNumber
  package var kind: FileKind
  /// Bytes; of a symbolic link, those of its target.
  package var size: Int
  /// Permission bits only: 0o644, 0o755.
  package var permissions: UInt32
  package var linkCount: UInt32
  /// Nanoseconds since 1970.
  package var modified: Int64
  /// Whether the kernel may keep these attributes, and the name that led to them, until told otherwise.
  package var isCacheable: Bool

  package init(
    inode: InodeNumber, kind: FileKind, size: Int, permissions: UInt32, linkCount: UInt32 = 1, modified: Int64,
    isCacheable: Bool = true
  ) {
    self.inode = inode
    self.kind = kind
    self.size = size
    self.permissions = permissions
    self.linkCount = linkCount
    self.modified = modified
    self.isCacheable = isCacheable
  }
}

/// What a SETATTR asks for; nil fields stay.
package struct AttributeChange: Sendable, Hashable {
  package var size: Int?
  /// Nanoseconds since 1970.
  package var modified: Int64?
  /// Permission bits: 0o644, 0o755.
  package var permissions: UInt32?
  /// The open file through which the change is asked for.
  package var handle: HandleNumber?
  package init(
    size: Int? = nil, modified: Int64? = nil, permissions: UInt32? = nil, handle: HandleNumber? = nil
  ) {
    self.permissions = permissions
    self.size = size
    self.modified = modified
    self.handle = handle
  }
}
