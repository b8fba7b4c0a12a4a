/// Arrays of bytes for system calls, without losing what type of error is thrown: the standard library's own methods of this
/// kind only rethrow.
extension [UInt8] {
  /// Makes an array that `fill` fills.
  ///
  /// - Parameters:
  ///   - capacity: the size of the buffer that `fill` gets.
  ///   - fill: writes to the buffer, and answers how many bytes at its beginning it has written.
  package init<E: Error>(
    upTo capacity: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
  ) throws(E) {
    try self.init(capacity: capacity) { (span: inout OutputSpan<UInt8>) throws(E) in
      try span.withUnsafeMutableBufferPointer { (buffer, count) throws(E) in
        count = try fill(UnsafeMutableRawBufferPointer(buffer))
      }
    }
  }

  /// Calls `body` with the bytes, which are valid only in it.
  package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try withUnsafeBufferPointer { (buffer) throws(E) in try body(UnsafeRawBufferPointer(buffer)) }
  }

  /// Calls `body` with the bytes, which it may change, and which are valid only in it.
  package mutating func withMutableBytes<R, E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try withUnsafeMutableBufferPointer { (buffer) throws(E) in try body(UnsafeMutableRawBufferPointer(buffer)) }
  }
}
