import Glibc
import PosixIO
import StoreRecords
import Tensors

/// What is remembered of uploads to registries, so that another process goes on where one was cut off: a file for each in
/// `$XDG_CACHE_HOME/tantra/uploads`, which only its user reads, for the address of an upload may hold a secret.
///
/// How far an upload has come the registry says, and it compares the whole with its digest at the end: what a file says wrongly
/// costs an upload from the beginning, and nothing else. A folder that cannot be read or written remembers nothing.
package struct KeptUploads: Sendable {
  /// What a push left goes after a week. Registries forget uploads then, too.
  private static let patience: Int64 = 7 * 86_400 * 1_000_000_000

  private let folder: Folder?

  /// - Parameter path: the folder, which is made if it is missing; nil for one that remembers nothing.
  package init(path: String?) {
    folder = path.flatMap { path in
      do throws(PosixError) { return try Folder.make(path) } catch { return nil }
    }
    removeOld()
  }

  /// Those of the user.
  static var usual: KeptUploads { KeptUploads(path: UserCache.path("uploads")) }

  private func removeOld() {
    guard let folder else { return }
    do throws(PosixError) {
      for name in try folder.names() {
        guard let status = try folder.status(of: name), status.kind == .regular else { continue }
        if Timestamp.age(of: status.modified, at: Timestamp.now()) > Self.patience { try folder.removeFile(name) }
      }
    } catch {
      // Old files only take space.
    }
  }

  /// What is known of the upload of a blob.
  ///
  /// - Parameter repository: the address below which a registry has it.
  package func upload(of blob: RemoteBlob, to repository: String) -> KeptUpload {
    KeptUpload(of: blob, to: repository, in: folder)
  }
}

/// The upload of one blob to one repository, remembered in a file. One process at a time has the file: others that send the same
/// blob begin uploads of their own, and remember them only as long as they live. Not for several threads.
package final class KeptUpload {
  /// Where an upload goes on.
  package struct Place: Sendable, Hashable, Codable {
    /// The last `Location` that the registry gave.
    package var address: String
    /// Bytes of a request, as the registry asked for.
    package var partByteCount: Int

    package init(address: String, partByteCount: Int) {
      (self.address, self.partByteCount) = (address, partByteCount)
    }
  }

  /// What the file says, as JSON.
  private struct Record: Codable {
    var format = Record.newest
    var repository: String
    var digest: OCIDigest
    var byteCount: Int
    var place: Place

    static let newest = 1
    /// Bytes of a file at most; addresses have a few hundred.
    static let byteLimit = 1 << 16
  }

  private let blob: RemoteBlob
  private let repository: String
  /// The folder, if this process has the file.
  private let folder: Folder?
  private let name: String
  private let lock: FileLock?
  /// Where the upload goes on, if the registry still knows it; nil for none.
  package private(set) var place: Place?

  init(of blob: RemoteBlob, to repository: String, in folder: Folder?) {
    (self.blob, self.repository) = (blob, repository)
    let name = Digest(of: Array("\(repository)\n\(blob.digest)".utf8)).hexadecimal
    self.name = name
    var lock: FileLock?
    do throws(PosixError) {
      lock = try folder.flatMap { (folder) throws(PosixError) in
        try FileLock.acquire(name + Self.lockSuffix, in: folder, description: "pid \(getpid())\n")
      }
    } catch {
      // Without it nothing is remembered.
    }
    self.lock = lock
    self.folder = lock == nil ? nil : folder
    place = read()
  }

  private static let lockSuffix = ".lock"

  private func read() -> Place? {
    guard let folder else { return nil }
    do {
      // One that others may read or write is not what was written here.
      guard let status = try folder.status(of: name), status.permissions & 0o077 == 0 else { return nil }
      let bytes = try folder.contents(of: name, limit: Record.byteLimit)
      let record = try StoreCoding.decode(Record.self, from: bytes, what: "an upload")
      guard record.format == Record.newest, record.repository == repository, record.digest.digest == blob.digest,
        record.byteCount == blob.byteCount, record.place.partByteCount > 0
      else { return nil }
      return record.place
    } catch {
      // Whatever it is, an upload begins anew without it.
      return nil
    }
  }

  /// Remembers where the upload goes on.
  package func keep(_ place: Place) {
    self.place = place
    guard let folder else { return }
    let record = Record(
      repository: repository, digest: OCIDigest(blob.digest), byteCount: blob.byteCount, place: place)
    do {
      try folder.replace(
        name, with: try StoreCoding.encode(record, pretty: true), staging: folder, permissions: 0o600)
    } catch {
      // A push that is cut off begins this blob anew.
    }
  }

  /// Forgets the upload: the blob is there, or the upload is of no use.
  package func forget() {
    place = nil
    do throws(PosixError) { try folder?.removeFile(name) } catch {
      // The registry says that the upload is gone.
    }
  }

  /// As ``forget()``, for a blob that is there.
  package func end() {
    forget()
    do throws(PosixError) { try folder?.removeFile(name + Self.lockSuffix) } catch {
      // It is empty, and goes when it is old.
    }
  }
}
