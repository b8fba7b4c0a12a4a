/// How a file system is mounted.
package struct MountOptions: Sendable, Hashable {
  /// Whether the kernel refuses all changes.
  package var isReadOnly: Bool
  /// Whether other users than the one who mounts may look; for an ordinary user `/etc/fuse.conf` has to permit it.
  package var allowsOthers: Bool
  /// Whether the kernel may read files itself that are whole on the store's disk, where it can.
  package var passesThrough: Bool
  /// Whether the store lies on a file system that is stacked on others: overlayfs.
  package var isStoreStacked: Bool
  /// How many requests are served at once, 1 to 8; nil: twice the processors, at least 4.
  package var workerCount: Int?
  /// How long open files are still served after a stop was asked for.
  package var drainTime: Duration

  package init(
    isReadOnly: Bool = false, allowsOthers: Bool = false, passesThrough: Bool = true, isStoreStacked: Bool = false,
    workerCount: Int? = nil, drainTime: Duration = .seconds(5)
  ) {
    self.isReadOnly = isReadOnly
    self.allowsOthers = allowsOthers
    self.passesThrough = passesThrough
    self.isStoreStacked = isStoreStacked
    self.workerCount = workerCount
    self.drainTime = drainTime
  }
}
