/// The release of a Linux kernel, as `6.9.0-generic`.
struct KernelRelease: CustomStringConvertible {
  var major: Int
  var minor: Int

  /// nil for a text that is none.
  init?(_ text: String) {
    let numbers = text.split(separator: ".").prefix(2).map { part in Int(part.prefix { $0.isNumber }) ?? 0 }
    guard numbers.count == 2 else { return nil }
    (major, minor) = (numbers[0], numbers[1])
  }

  /// Whether the kernel can read files of a mount itself (FUSE passthrough).
  var hasPassthrough: Bool { (major, minor) >= (6, 9) }

  var description: String { "\(major).\(minor)" }
}
