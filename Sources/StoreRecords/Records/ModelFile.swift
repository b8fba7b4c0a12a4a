import PosixIO

/// A file in a model's own folder: `README.md`, or what a tool writes before it becomes that.
package struct ModelFile: Sendable, Hashable {
  package static let readmeName = "README.md"

  init(_ name: String, _ status: FileStatus) {
    self.name = name
    byteCount = status.size
    modified = status.modified
    // A file that takes another's place has another inode, unless that one is gone already.
    edition = [UInt64(bitPattern: Int64(status.size)), UInt64(bitPattern: status.modified)]
      .reduce(status.inode) { ($0 &* 0x100_0000_01b3) ^ $1 }
  }

  package var name: String
  package var byteCount: Int
  /// Nanoseconds since 1970.
  package var modified: Int64
  /// Tells contents apart that have the same name, one after another.
  package var edition: UInt64

  /// Whether a file in a model's folder may have a name: `README.md`, and those under which rsync (`.README.md.x7Yz`),
  /// editors (`README.md~`) and sed (`sedAb12Cd`) write a file that they rename in the end.
  package static func canBeCalled(_ name: String) -> Bool {
    if [readmeName, readmeName + "~"].contains(name) { return true }
    let isOfSed = name.utf8.count == 9 && name.hasPrefix("sed") && name.allSatisfy { $0.isLetter || $0.isNumber }
    // Records of versions end in .json.
    let isHidden =
      name.hasPrefix(".\(readmeName)") && name.utf8.count <= 255 && !name.contains("/") && !name.hasSuffix(".json")
    return isOfSed || isHidden
  }
}
