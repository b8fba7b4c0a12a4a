/// A version that can be restored when it is gone: `backups/<model>/<version>@<n>.json`.
package struct BackupRecord: Sendable, Hashable, Codable {
  package var manifest: Manifest
  /// Whether it was a training checkpoint.
  package var isCheckpoint: Bool
  /// A backup, which cleanup and purge leave; else what a removed version left.
  package var isPinned: Bool
  /// Whether it is an earlier edition of a version, that another has replaced; nil for no.
  package var isReplaced: Bool?
  /// Nanoseconds since 1970.
  package var time: Int64
  package var actor: Actor

  /// The number behind `@`; from the file's name.
  package var number = 0

  private enum CodingKeys: String, CodingKey {
    case manifest, isCheckpoint, isPinned, isReplaced, time, actor
  }

  package init(
    manifest: Manifest, isCheckpoint: Bool, isPinned: Bool, isReplaced: Bool = false, time: Int64, actor: Actor,
    number: Int
  ) {
    self.manifest = manifest
    self.isCheckpoint = isCheckpoint
    self.isPinned = isPinned
    self.isReplaced = isReplaced ? true : nil
    self.time = time
    self.actor = actor
    self.number = number
  }

  /// `v1.0@3`.
  package var edition: VersionEdition { VersionEdition(manifest.version, number) }

  /// `v1.0@3.json`.
  package var fileName: String { "\(edition).json" }

  /// Whether a removal or a restoration that ended too early left the record: what it brings back is still, or again, there.
  ///
  /// - Parameter folder: reads what the folder of the version holds.
  func isLeftover(beside folder: (VersionName) throws(StoreError) -> VersionFolder?) -> Bool {
    guard !isPinned else { return false }
    do throws(StoreError) {
      return try folder(manifest.version)?.completeManifest?.isOfSameContent(as: manifest) == true
    } catch {
      // The version is damaged: the record may be what mends it.
      return false
    }
  }

  /// Version and number of a file's name; nil for other files.
  static func parse(fileName: String) -> (version: VersionName, number: Int)? {
    guard fileName.hasSuffix(".json"), let mark = fileName.lastIndex(of: "@"),
      let version = VersionName(fileName[..<mark]),
      let number = Int(fileName[fileName.index(after: mark)...].dropLast(5)),
      number > 0
    else { return nil }
    return (version, number)
  }
}
