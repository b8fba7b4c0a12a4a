import Glibc
import SystemPackage

/// The bytes of a file in memory, read from it when they are touched (`mmap(2)`, shared and read-only), for as long as
/// this object lives; or as many bytes that no file has.
///
/// Touching what somebody has cut off meanwhile ends the process (`SIGBUS`): map only files that nobody changes.
package final class MappedFile: Sendable {
  /// Where the mapping begins, as a number: an address has no owner, this object is the owner of what is there.
  private let address: UInt
  /// Bytes of the file when it was mapped.
  package let byteCount: Int

  package init(_ file: OpenedFile) throws(PosixError) {
    byteCount = try file.status().size
    guard byteCount > 0 else {
      address = 0
      return
    }
    let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, file.descriptor.rawValue, 0)
    guard let start, start != MAP_FAILED else {
      throw PosixError(Errno(rawValue: errno), call: "mmap", path: file.path)
    }
    address = UInt(bitPattern: start)
  }

  /// Bytes that no file has.
  ///
  /// - Parameter fill: writes all of them.
  package init<E: Error>(
    byteCount: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void,
    failure: (PosixError) -> E
  ) throws(E) {
    self.byteCount = byteCount
    guard byteCount > 0 else {
      address = 0
      return
    }
    let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED else {
      throw failure(PosixError(Errno(rawValue: errno), call: "mmap", path: "memory of \(byteCount) bytes"))
    }
    address = UInt(bitPattern: start)
    try fill(UnsafeMutableRawBufferPointer(start: start, count: byteCount))
    mprotect(start, byteCount, PROT_READ)
  }

  deinit {
    if let start = UnsafeMutableRawPointer(bitPattern: address) { munmap(start, byteCount) }
  }

  /// The bytes in `range`, which has to lie in the file; valid only in `body`.
  package func withBytes<R, E: Error>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range outside of the mapped file")
    let whole = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
    return try withExtendedLifetime(self) { () throws(E) in try body(UnsafeRawBufferPointer(rebasing: whole[range])) }
  }

  /// All bytes; valid while this object lives.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
  }

  /// Makes every page present, so that a file which cannot be read fails here and not at its first use
  /// (`MADV_POPULATE_READ`; kernels before 5.14 lack it, and skip this).
  package func populate() throws(PosixError) {
    guard let start = UnsafeMutableRawPointer(bitPattern: address) else { return }
    guard madvise(start, byteCount, 22) != 0, errno != EINVAL else { return }
    throw PosixError(Errno(rawValue: errno), call: "madvise", path: "the mapped file")
  }
}
