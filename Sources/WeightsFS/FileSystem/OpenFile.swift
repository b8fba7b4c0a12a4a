/// What an open asks for.
package struct OpenAccess: Sendable, Hashable {
  package var reads: Bool
  package var writes: Bool
  package var truncates: Bool
  package var caller: Caller
  /// Mode of a file that is made by it, without the kind.
  package var permissions: UInt32

  /// Whether it asks for a file that it may change.
  var changes: Bool { writes || truncates }

  package init(
    reads: Bool, writes: Bool, truncates: Bool, caller: Caller, permissions: UInt32 = FileKind.regular.permissions
  ) {
    self.permissions = permissions
    self.reads = reads
    self.writes = writes
    self.truncates = truncates
    self.caller = caller
  }
}

/// The process that made a request.
package struct Caller: Sendable, Hashable {
  package var uid: UInt32
  package var gid: UInt32
  package var pid: Int32
  package init(uid: UInt32, gid: UInt32, pid: Int32) {
    self.uid = uid
    self.gid = gid
    self.pid = pid
  }
}

/// An open file, and how the kernel is to treat it.
package struct OpenFile: Sendable, Hashable {
  package enum Caching: Sendable, Hashable {
    /// The bytes of this inode never change: pages already cached stay valid.
    case immutable
    /// The content is made at open and has no fixed size: every read comes here.
    case none
    /// One file for all who have it open: pages are shared while it is.
    case shared
    /// The same, and somebody else has it open already: what the kernel has may be newer than what has come here, so it stays.
    case sharedAlready
    /// A file in the making: pages may be cached while it is open, and none are kept for the next open.
    case staging
  }
  package var handle: HandleNumber
  package var caching: Caching
  /// A descriptor of a file that has exactly the bytes of this one, if there is one; open until the handle is released.
  package var backing: CInt?
  package init(handle: HandleNumber, caching: Caching, backing: CInt? = nil) {
    self.handle = handle
    self.caching = caching
    self.backing = backing
  }
}
