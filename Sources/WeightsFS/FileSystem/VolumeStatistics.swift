/// What `statfs` reports, in bytes and files.
package struct VolumeStatistics: Sendable, Hashable {
  package var capacity: Int
  package var free: Int
  package var available: Int
  package var files: Int
  package var freeFiles: Int
  package init(capacity: Int, free: Int, available: Int, files: Int, freeFiles: Int) {
    self.capacity = capacity
    self.free = free
    self.available = available
    self.files = files
    self.freeFiles = freeFiles
  }
}
