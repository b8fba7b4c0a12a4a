package import BlobStore
package import Logging
import PosixIO
package import StoreRecords

/// A store with everything that can be done to it: each verb is a value over the records and the blobs.
package final class WeightRegistry: Sendable {
  package let records: RecordStore
  package let logger: Logger
  /// Checks that only other layers can make (shapes against a configuration); run by ``Validation``.
  package let checkers: [any VersionChecker]
  package let views: ViewCatalogue
  /// Whether weight files were parsed before they were published, so that none is a pickle that would do more than hold data.
  package let hasParsedWeights: Bool
  private let verdicts = Verdicts()

  package init(
    storePath: String, access: StoreAccess, logger: Logger, checkers: [any VersionChecker] = [],
    hasParsedWeights: Bool = true
  ) throws(StoreError) {
    self.hasParsedWeights = hasParsedWeights
    self.logger = logger
    self.checkers = checkers
    records = try RecordStore(path: storePath, access: access, logger: logger)
    views = ViewCatalogue(records)
  }

  package var store: StoreFolder { records.store }
  package var blobs: BlobStore { records.store.blobs }

  // MARK: The verbs

  /// Publishes weight files from elsewhere and from the staging folder.
  package var importing: Import { Import(records: records, activation: activation) }
  /// Tells what an import would do.
  package var rehearsal: Rehearsal { Rehearsal(records: records) }
  /// Changes what versions' folders hold beside weights.
  package var folders: FolderEditing { FolderEditing(records: records) }
  /// Switches and links.
  package var activation: Activation { Activation(records: records, validation: validation, verdicts: verdicts) }
  /// Removes, keeps, restores and forgets versions, and frees what nothing needs.
  package var retention: Retention { Retention(records: records, views: views) }
  package var policies: Policies { Policies(records: records) }
  package var freezing: Freezing { Freezing(records: records) }
  package var validation: Validation { Validation(records: records, views: views, checkers: checkers) }
  package var exporting: Export { Export(records: records, views: views) }
  package var diff: Diff { Diff(records: records) }
  /// Compresses what nobody serves, and takes that back.
  package var compression: Compression { Compression(records: records) }
  package var statistics: Statistics { Statistics(records: records) }

  /// Takes over what another process has changed since; for a registry that was opened for reading.
  ///
  /// - Parameter now: whether to look at the disk whenever that was done last.
  package func refresh(now: Bool = false) throws(StoreError) { try records.refresh(now: now) }
}
