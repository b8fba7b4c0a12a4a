import StoreRecords

extension RecordStore {
  /// The version that somebody means, by its name or by that of a link to it: `active`, or an alias.
  ///
  /// - Throws: `unknownModel`; `unknownVersion`, if no version is active. Whether there is a version of another name is not looked at.
  func version(called word: String, of model: ModelName) throws(StoreError) -> VersionName {
    try require(model)
    guard word == "active" else {
      let name = try VersionName(validating: word)
      let version = aliases(of: model)[name] ?? name
      guard contains(model, version) else { throw unknown(version, of: model) }
      return version
    }
    if let version = activeVersion(of: model) { return version }
    throw StoreError(.unknownVersion, "\(model) has no active version; tantra set-active chooses one")
  }
}
