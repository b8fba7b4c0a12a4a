/// How a store's records get from one format to the next. Blobs never change, so records are all there is to upgrade.
package struct StoreUpgradeStep: Sendable {
  /// What changes, for people.
  package var summary: String
  /// The new bytes of the record at `path` (relative to the store: `models/mamba/v1.0.json`); its format number is written
  /// by the upgrade itself.
  package var rewrite: @Sendable (_ path: String, _ bytes: [UInt8]) throws(RegistryError) -> [UInt8]

  package init(
    _ summary: String, rewrite: @escaping @Sendable (_ path: String, _ bytes: [UInt8]) throws(RegistryError) -> [UInt8]
  ) {
    self.summary = summary
    self.rewrite = rewrite
  }

  /// The steps that this software knows: the first leads from format 1 to 2, and so on. Format 1 is the only one so far.
  package static let all: [StoreUpgradeStep] = []
}
