import BlobStore
import Logging
package import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

extension Import {
  /// Gives a version the bytes that a view of another version has, by its records alone.
  ///
  /// - Parameter source: what is published of the other version.
  /// - Returns: false if that takes a copy of the bytes.
  /// - Throws: `unacceptable` if the two names are not of one format.
  package func clone(
    _ view: String, of source: Manifest, as newView: String, of model: ModelName, _ version: VersionName,
    modified: Int64?, if condition: PublicationCondition = .always, unless interruption: Interruption = .never
  ) throws(StoreError) -> Bool {
    let names = [view, newView].map { WeightFormatCatalogue.view(named: $0)?.format.name }
    guard let format = names[0], format == names[1], let main = source.main else {
      throw StoreError(
        .unacceptable(.unsupported),
        "model.\(view) has the bytes of \(names[0] ?? view), which cannot be model.\(newView)")
    }
    var original = source.original(servedAs: view)
    original?.path = "model.\(newView)"
    if let modified { original?.modified = modified }
    // A purge may have taken the source meanwhile.
    let pins = records.store.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    let needed = (original?.blobs ?? []) + [main.table] + main.packs
    pins.pin(needed)
    for blob in needed where try !blobStore(try records.store.blobs.contains(blob)) { return false }
    let table = try records.table(original?.table ?? main.table)
    if original == nil {
      let takesCopy = try takesCopy(of: source, view, as: newView, of: model, version)
      if takesCopy { return false }
    }
    let from = "\(source.model)/\(source.version)/model.\(view)"
    var changes: [FolderChange] = [.show("model.\(newView)")]
    if let modified { changes.append(.setModified("model.\(newView)", modified)) }
    let arrival = Arrival(
      files: original.map { [.init($0, table)] } ?? [], table: table, digest: original?.table ?? main.table,
      source: .view)
    let manifest = try publish(
      [arrival], with: changes, as: model, version, from: from, if: condition, unless: interruption)
    records.logger.info("copy: \(manifest.model)/\(manifest.version)/model.\(newView) of \(from), without data")
    return true
  }

  /// Whether a synthesized view has to be copied to be the same elsewhere: a version that has other bytes under the name, or none.
  private func takesCopy(
    of source: Manifest, _ view: String, as newView: String, of model: ModelName, _ version: VersionName
  ) throws(StoreError) -> Bool {
    guard let known = try records.folder(of: model, version)?.manifest, let main = known.main else {
      return false
    }
    return main.views[newView] == nil || known.content(of: newView) != source.content(of: view)
  }
}
