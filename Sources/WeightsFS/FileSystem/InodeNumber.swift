/// The number of an inode; what `stat` reports as `st_ino`.
package struct InodeNumber: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
  package static let root = InodeNumber(rawValue: 1)
}

/// The number of an open file or folder.
package struct HandleNumber: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
}
