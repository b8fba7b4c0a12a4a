/// What is said of a name that there is not: whether it is a draft, a link or was removed, and what is like it.
struct MissingName {
  let records: RecordStore

  /// `unknownModel`.
  func error(for model: ModelName) -> StoreError {
    let drafts = records.readableListing(of: model)?.drafts.sorted() ?? []
    guard drafts.isEmpty else {
      return StoreError(
        .unknownModel,
        "\(model) has no version yet, only drafts, which hold no complete weights: "
          + drafts.map(\.text).joined(separator: ", "))
    }
    let removed = removed(of: model).map { Set($0.map(\.version)).sorted() } ?? []
    guard removed.isEmpty else {
      return StoreError(
        .unknownModel,
        "\(model) was removed; tantra restore brings back, until they are purged: "
          + removed.map { "\(model)/\($0)" }.joined(separator: ", "))
    }
    return StoreError(
      .unknownModel,
      "there is no model \"\(model)\"" + NearMatch.hint(for: model.text, among: records.models.map(\.text)))
  }

  /// `unknownVersion`.
  func error(for version: VersionName, of model: ModelName) -> StoreError {
    let listing = records.readableListing(of: model)
    if listing?.drafts.contains(version) == true {
      return StoreError(
        .unknownVersion, "\(model)/\(version) is a draft: it becomes a version with its first complete weight file")
    }
    if let target = records.aliases(of: model)[version] {
      return StoreError(.unknownVersion, "\(model)/\(version) is a link, to \(target)")
    }
    if removed(of: model)?.contains(where: { $0.version == version }) == true {
      return StoreError(
        .unknownVersion,
        "\(model)/\(version) was removed; tantra restore \(model) \(version) brings it back, until it is purged")
    }
    let names = (listing?.published ?? [:]).keys.sorted().map(\.text)
    return StoreError(
      .unknownVersion, "\(model) has no version \"\(version)\"" + NearMatch.hint(for: version.text, among: names))
  }

  /// What can be restored of a model; nil if that cannot be read.
  private func removed(of model: ModelName) -> Set<VersionEdition>? {
    do throws(StoreError) { return try records.backups.editions(of: model) } catch { return nil }
  }
}
