package import PosixIO
package import Tensors

/// Why the store could not give or take a blob.
package enum BlobStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A manifest or table names a blob that is not there.
  case missing(Digest)
  /// What is named has other bytes than it should, and in which way.
  case damaged(String, String)
  /// Something that is elsewhere does not come now, and why.
  case unreachable(String, String)
  case system(PosixError)

  package var description: String {
    switch self {
    case .missing(let blob): "blob \(blob) is missing from the store"
    case .damaged(let name, let what): "\(name) is damaged: \(what)"
    case .unreachable(let name, let why): "\(name) cannot be fetched: \(why)"
    case .system(let error): error.description
    }
  }
}

/// Runs a step of PosixIO and turns its error into the store's.
func system<R: ~Copyable>(_ body: @autoclosure () throws(PosixError) -> R) throws(BlobStoreError) -> R {
  do throws(PosixError) { return try body() } catch { throw .system(error) }
}
