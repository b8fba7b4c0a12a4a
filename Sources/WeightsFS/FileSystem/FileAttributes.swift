package enum FileKind: Sendable, Hashable {
  case directory, regular, symbolicLink
}

/// What `stat` reports.
package struct FileAttributes: Sendable, Hashable {
  package var inode: InodeNumber
  package var kind: FileKind
  /// Bytes; of a symbolic link, those of its target.
  package var size: Int
  /// Mode without the kind: 0o644, 0o2755.
  package var permissions: UInt32
  package var linkCount: UInt32
  /// Nanoseconds since 1970.
  package var modified: Int64
  /// ctime, in nanoseconds since 1970; nil where it is that of the last change of the bytes.
  package var changed: Int64?
  /// atime, in nanoseconds since 1970; nil where nobody has set one: it is the mtime.
  package var accessed: Int64?
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
  /// atime, in nanoseconds since 1970.
  package var accessed: Int64?
  /// Mode without the kind: 0o644, 0o2755.
  package var permissions: UInt32?
  /// The open file through which the change is asked for.
  package var handle: HandleNumber?
  package init(
    size: Int? = nil, modified: Int64? = nil, accessed: Int64? = nil, permissions: UInt32? = nil,
    handle: HandleNumber? = nil
  ) {
    self.accessed = accessed
    self.permissions = permissions
    self.size = size
    self.modified = modified
    self.handle = handle
  }
}
