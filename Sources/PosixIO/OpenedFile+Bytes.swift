import SystemPackage

extension OpenedFile {
  /// Reads the `count` bytes at `offset`, or as many of them as the file has. Memory is taken for those only, whatever a record
  /// claims that there are.
  package func read(at offset: Int, count: Int) throws(PosixError) -> [UInt8] {
    var capacity = max(0, count)
    if capacity > 1 << 20 { capacity = min(capacity, max(0, try status().size - max(0, offset))) }
    return try [UInt8](upTo: capacity) { (buffer) throws(PosixError) in try read(at: offset, into: buffer) }
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: [UInt8], at offset: Int) throws(PosixError) {
    try bytes.withBytes { (buffer) throws(PosixError) in try write(buffer, at: offset) }
  }

  /// The whole content, read until the end.
  ///
  /// - Throws: `EFBIG` if there are more than `limit` bytes.
  package func contents(limit: Int) throws(PosixError) -> [UInt8] {
    let size = try status().size
    guard size <= limit else { throw PosixError(.fileTooLarge, call: "read", path: path) }
    return try read(at: 0, count: size)
  }
}
