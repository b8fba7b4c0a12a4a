package import PosixIO
package import Tensors

/// Why the store could not give or take a blob.
package enum BlobStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A manifest or table names a blob that is not there.
  case missing(Digest)
  /// A blob's bytes are not those that its id stands for.
  case damaged(Digest, String)
  case system(PosixError)

  package var description: String {
    switch self {
    case .missing(let blob): "blob \(blob) is missing from the store"
    case .damaged(let blob, let what): "blob \(blob) is damaged: \(what)"
    case .system(let error): error.description
    }
  }
}
