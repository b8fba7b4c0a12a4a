import Glibc
import StoreRecords
import WeightsFS

/// The names and link targets that the kernel gives.
enum KernelNames {
  /// A name that leads to something, if anything has it: no file of ours has one that is not UTF-8.
  static func known(_ name: UnsafePointer<CChar>?) throws(FileSystemError) -> String {
    guard let text = try text(name) else { throw FileSystemError(ENOENT) }
    return text
  }

  /// A name that is to be kept.
  static func new(_ name: UnsafePointer<CChar>?) throws(FileSystemError) -> String {
    guard let text = try text(name) else {
      throw FileSystemError(EILSEQ, "names are UTF-8; this one is not")
    }
    return text
  }

  /// What a symbolic link is to lead to.
  static func linkTarget(_ target: UnsafePointer<CChar>?) throws(FileSystemError) -> LinkTarget {
    LinkTarget(try bytes(target, limit: LinkTarget.limit))
  }

  /// The name at an address; nil if it is not UTF-8.
  private static func text(_ name: UnsafePointer<CChar>?) throws(FileSystemError) -> String? {
    String(validating: try bytes(name, limit: Int(NAME_MAX)), as: UTF8.self)
  }

  /// What is at an address, up to the 0 at its end.
  ///
  /// - Throws: `ENAMETOOLONG` for more than `limit` bytes: the kernel leaves that to us.
  private static func bytes(_ text: UnsafePointer<CChar>?, limit: Int) throws(FileSystemError) -> [UInt8] {
    guard let text else { return [] }
    let count = strnlen(text, limit + 1)
    if count > limit { throw FileSystemError(ENAMETOOLONG) }
    return Array(UnsafeRawBufferPointer(start: text, count: count))
  }
}
