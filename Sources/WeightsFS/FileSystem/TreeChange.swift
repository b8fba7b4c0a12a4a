package import StoreRecords

/// A name of which what the kernel knows may have become false: it went, came, or leads elsewhere.
package struct TreeChange: Sendable, Hashable {
  package var parent: InodeNumber
  @ExactName package var name: String
  package init(parent: InodeNumber, name: String) {
    self.parent = parent
    self.name = name
  }
}
