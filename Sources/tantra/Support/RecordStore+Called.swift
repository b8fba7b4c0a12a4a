import StoreRecords

extension RecordStore {
  /// The version that somebody means, by its name or by that of a link to it: `active`, or an alias.
  ///
  /// - Throws: `unknownModel`; `unknownVersion`, if no version is active. Whether there is a version of another name is not looked at.
  func version(called word: String, of model: ModelName) throws(StoreError) -> VersionName {
    try require(model)
    guard word == "active" else {
      let version = resolved(try VersionName(validating: word), of: model)
      guard contains(model, version) else { throw unknown(version, of: model) }
      return version
    }
    if let version = activeVersion(of: model) { return version }
    throw StoreError(.unknownVersion, "\(model) has no active version; tantra set-active chooses one")
  }

  /// The model, and the version if one is named, that somebody means: in one word or in two, by names or by those of links.
  ///
  /// - Throws: as ``version(called:of:)``. Whether there is the model is not looked at without a version.
  func names(_ model: String, _ version: String?) throws -> (model: ModelName, version: VersionName?) {
    let words = try VersionArguments.words(model, version)
    let model = try ModelName(validating: words.model)
    return (model, try words.version.map { try self.version(called: $0, of: model) })
  }
}
