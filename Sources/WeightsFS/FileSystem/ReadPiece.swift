/// A stretch of an answer to a read.
package enum ReadPiece: Sendable {
  case bytes(ArraySlice<UInt8>)
  /// `count` bytes at `offset` of an open descriptor.
  case file(descriptor: CInt, offset: Int, count: Int)
}
