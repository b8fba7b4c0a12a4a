import PosixIO
import Tensors

/// Remembers sums of blobs: a file each in `$XDG_CACHE_HOME/tantra/sums`, by the blob's id, which stands for its bytes.
///
/// It only saves work. What it says wrongly makes a remote refuse what is sent. A cache that cannot be read or written is none.
package struct SumCache: Sendable {
  private let folder: Folder?

  /// - Parameter path: the folder, which is made if it is missing; nil for one that remembers nothing.
  package init(path: String?) {
    guard let path else {
      folder = nil
      return
    }
    do throws(PosixError) { folder = try Folder.make(path) } catch { folder = nil }
  }

  /// That of the user.
  package static var usual: SumCache { SumCache(path: UserCache.path("sums")) }

  /// What is known of a blob; nil for nothing.
  func sums(of blob: Digest) -> BlobSums? {
    guard let folder else { return nil }
    do throws(PosixError) {
      return BlobSums(encoded: try folder.contents(of: blob.hexadecimal, limit: 1 << 30))
    } catch {
      return nil
    }
  }

  func remember(_ sums: BlobSums, of blob: Digest) {
    guard let folder else { return }
    do throws(PosixError) { try folder.replace(blob.hexadecimal, with: sums.encoded, staging: folder) } catch {
      // The next push reads the blob once more.
    }
  }

  /// Forgets what may be wrong.
  func forget(_ blob: Digest) {
    do throws(PosixError) { try folder?.removeFile(blob.hexadecimal) } catch {
      // The next push fails in the same way, and says so.
    }
  }
}
