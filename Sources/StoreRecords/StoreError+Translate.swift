package import BlobStore
import Glibc
package import PosixIO
import SystemPackage
package import WeightFormats

extension StoreError {
  package init(_ error: PosixError) {
    switch error.errno {
    case .interrupted: self.init(.interrupted, "stopped")
    case .noSpace, Errno(rawValue: EDQUOT):
      self.init(
        .system(errno: error.errno.rawValue),
        "the disk is full, or your share of it: \(error); free some space there and try again "
          + "(tantra purge gives back what removed versions hold)")
    default: self.init(.system(errno: error.errno.rawValue), error.description)
    }
  }

  package init(_ error: BlobStoreError) {
    switch error {
    case .missing, .damaged: self.init(.damaged, error.description)
    case .unreachable: self.init(.system(errno: EIO), error.description)
    case .system(let cause): self.init(cause)
    }
  }

  /// - Parameter file: the name of the offending file.
  package init(_ error: FormatError, file: String) {
    self.init(.unacceptable(error.code), "\(file): \(error.message)")
  }
}

/// Runs a step of PosixIO and turns its error into the store's.
package func posix<R>(_ body: @autoclosure () throws(PosixError) -> R) throws(StoreError) -> R {
  do throws(PosixError) { return try body() } catch { throw StoreError(error) }
}

/// As ``posix(_:)``; nil if there is nothing of that name.
func ifThere<R>(_ body: @autoclosure () throws(PosixError) -> R) throws(StoreError) -> R? {
  do throws(PosixError) { return try body() } catch {
    if error.errno == .noSuchFileOrDirectory { return nil }
    throw StoreError(error)
  }
}

/// Runs a step of the blob store and turns its error into the store's.
package func blobStore<R: ~Copyable>(_ body: @autoclosure () throws(BlobStoreError) -> R) throws(StoreError) -> R {
  do throws(BlobStoreError) { return try body() } catch { throw StoreError(error) }
}

/// Runs a step on a file's content and turns its error into the store's, which names the file.
package func parsing<R>(_ file: String, _ body: @autoclosure () throws(FormatError) -> R) throws(StoreError) -> R {
  do throws(FormatError) { return try body() } catch { throw StoreError(error, file: file) }
}
