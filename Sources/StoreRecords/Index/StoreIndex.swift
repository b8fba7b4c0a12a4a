import FoundationEssentials
import GRDB
import Logging
import PosixIO
import Synchronization
package import Tensors

/// `index.sqlite`: what takes long to find out from manifests and tables. Derived, and never needed: whatever is wrong with
/// it, it is thrown away and made anew, and what it says is checked before it is used.
///
/// A registry that is open for reading reads it as it is, if it can; one that is open for writing keeps it. It is opened
/// when it is first needed. Safe from several threads; SQLite's lock is held for a query.
package final class StoreIndex: Sendable {
  static let fileName = "index.sqlite"

  let files: RecordFiles
  let logger: Logger
  private let queue = Mutex<DatabaseQueue?>(nil)

  init(_ files: RecordFiles, logger: Logger) {
    self.files = files
    self.logger = logger
  }

  var store: StoreFolder { files.store }
  private var isWritable: Bool { !files.isReader }
  private var path: String { "\(store.path)/\(Self.fileName)" }

  // MARK: Access

  /// Asks the index; nil if there is none, or it is of no use.
  func read<R: Sendable>(_ body: (Database) throws -> R) -> R? {
    do {
      if queue.withLock({ $0 == nil }), try store.root.status(of: Self.fileName) == nil { return nil }
      return try opened().read(body)
    } catch {
      guard isWritable else { return nil }
      discard(because: error)
      return nil
    }
  }

  /// Changes the index in one transaction; once more from nothing if it turns out to be damaged.
  ///
  /// - Throws: only what `body` throws as a ``StoreError``. Nothing else of what may happen to the index matters.
  func write<R: Sendable>(_ body: (Database) throws -> R) throws(StoreError) -> R? {
    guard isWritable else { return nil }
    for isLast in [false, true] {
      do {
        return try opened().write(body)
      } catch let error as StoreError {
        throw error
      } catch {
        discard(because: error)
        if isLast { return nil }
      }
    }
    return nil
  }

  private func opened() throws -> DatabaseQueue {
    try queue.withLock { queue in
      if let queue { return queue }
      var configuration = Configuration()
      configuration.readonly = !isWritable
      configuration.busyMode = .timeout(isWritable ? 5 : 0.2)
      configuration.label = "tantra.index"
      let made = try DatabaseQueue(path: path, configuration: configuration)
      let number = try made.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
      if number == 0, isWritable {
        try made.write { try IndexSchema.create(in: $0) }
      } else if number != IndexSchema.number {
        throw DatabaseError(resultCode: .SQLITE_SCHEMA, message: "its schema has the number \(number)")
      }
      queue = made
      return made
    }
  }

  private func discard(because error: any Error) {
    logger.warning("\(path) is of no use and is made anew: \(error)")
    queue.withLock { $0 = nil }
    do throws(PosixError) {
      for suffix in ["", "-journal", "-wal", "-shm"] { try store.root.removeFile(Self.fileName + suffix) }
    } catch {
      logger.warning("\(error)")
    }
  }

  // MARK: Sums

  /// The SHA-256 of a view, if somebody has computed it.
  package func sum(of view: String, content: Digest) -> Digest? {
    let found = read { database in
      try Data.fetchOne(
        database, sql: "SELECT digest FROM sums WHERE content = ? AND view = ?", arguments: [content.data, view])
    }
    return found.flatMap(\.self).flatMap(Digest.init(bytes:))
  }

  /// Keeps the SHA-256 of a view.
  package func remember(_ digest: Digest, of view: String, content: Digest) throws(StoreError) {
    _ = try write { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO sums VALUES (?, ?, ?)", arguments: [content.data, view, digest.data])
    }
  }
}

extension Digest {
  /// How a digest is stored in the index.
  var data: Data { Data(bytes) }
}
