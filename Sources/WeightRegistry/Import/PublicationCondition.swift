import StoreRecords

/// What has to hold, when everything is stored and the version is about to appear, for that to happen: while a large file was
/// hashed its folder may have gone, or its name.
package struct PublicationCondition: Sendable {
  private let requiresFolder: Bool
  private let isWanted: @Sendable () -> Bool

  /// Nothing has to hold.
  package static let always = PublicationCondition(requiresFolder: false) { true }

  /// The version's folder is there, as a draft at least, and somebody still wants the file.
  ///
  /// - Parameter isWanted: asked while the model's records are locked: it must be quick, and take no lock but a mutex.
  package static func folderIsThere(_ isWanted: @escaping @Sendable () -> Bool = { true }) -> PublicationCondition {
    PublicationCondition(requiresFolder: true, isWanted: isWanted)
  }

  /// - Throws: `unknownVersion` if it does not hold.
  func check(_ folder: VersionFolder?, _ model: ModelName, _ version: VersionName) throws(StoreError) {
    if !requiresFolder || folder != nil, isWanted() { return }
    throw StoreError(
      .unknownVersion,
      "\(model)/\(version): the file, or its folder, was removed while it was being written; nothing was published")
  }
}
