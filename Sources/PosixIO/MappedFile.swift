import Glibc
import SystemPackage

/// A whole file, mapped for reading and unmapped with the last reference.
///
/// The bytes are the file's own pages: nothing is copied. If somebody shortens the file while it is mapped, or its disk fails,
/// reading what is gone kills the process (SIGBUS); files of a mount of Tantra never change while they are open.
package final class MappedFile: Sendable {
  // Written nowhere after init; the pages are mapped without write permission.
  private nonisolated(unsafe) let base: UnsafeRawPointer?
  package let byteCount: Int
  private let path: String

  /// Maps `file`; an empty one has no bytes.
  package init(_ file: OpenedFile) throws(PosixError) {
    byteCount = try file.status().size
    path = file.path
    guard byteCount > 0 else {
      base = nil
      return
    }
    let address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, file.descriptor.rawValue, 0)
    guard let address, address != MAP_FAILED else {
      throw PosixError(.init(rawValue: errno), call: "mmap", path: path)
    }
    base = UnsafeRawPointer(address)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
  }

  /// The bytes; valid while this object lives.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: base == nil ? 0 : byteCount) }

  /// The bytes in `range`, which has to lie in the file; valid only in `body`.
  package func withBytes<R, E: Error>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range outside of the mapped file")
    let whole = bytes
    return try withExtendedLifetime(self) { () throws(E) in try body(UnsafeRawBufferPointer(rebasing: whole[range])) }
  }

  /// Makes every page present, so that a file which cannot be read fails here and not at its first use
  /// (`MADV_POPULATE_READ`; kernels before 5.14 lack it, and skip this).
  package func populate() throws(PosixError) {
    guard let base else { return }
    do throws(PosixError) {
      try systemCall("madvise", path) { madvise(UnsafeMutableRawPointer(mutating: base), byteCount, 22) }
    } catch  where error.errno == .invalidArgument {
      return
    }
  }
}
