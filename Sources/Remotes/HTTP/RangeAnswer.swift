import Glibc
import StoreRecords

/// What an answer to a request for a range has to be.
enum RangeAnswer {
  /// The header that asks for a range, which is not empty.
  static func header(_ range: Range<Int>) -> String { "Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)" }

  /// - Parameter failure: makes the error for another status.
  static func check(
    _ answer: Answer, _ range: Range<Int>, of blob: RemoteBlob, name: String,
    _ failure: (String) -> StoreError
  ) throws(StoreError) {
    if answer.status == 200 {
      throw StoreError(
        .system(errno: EOPNOTSUPP),
        "\(name) does not send parts of files (it ignores Range): it cannot be used as a remote")
    }
    guard answer.status == 206 else { throw failure("the blob \(OCIDigest(blob.digest))") }
    let expected = "bytes \(range.lowerBound)-\(range.upperBound - 1)/"
    guard answer.headers["content-range"]?.lowercased().hasPrefix(expected) == true,
      answer.pieceByteCount == range.count
    else {
      throw StoreError(
        .damaged,
        "\(name): asked for the bytes \(range.lowerBound)..<\(range.upperBound) of \(OCIDigest(blob.digest)), and got "
          + "\(answer.headers["content-range"]?.debugDescription ?? "others")")
    }
  }
}

extension Answer {
  /// Whether an answer to a HEAD says that there is a blob.
  ///
  /// - Parameter failure: makes the error for another status.
  func tells(of blob: RemoteBlob, _ failure: (Answer, String) -> StoreError) throws(StoreError) -> Bool {
    if status == 404 { return false }
    guard status == 200 else { throw failure(self, "the blob \(OCIDigest(blob.digest))") }
    return headers["content-length"].map { Int($0) == blob.byteCount } ?? true
  }
}
