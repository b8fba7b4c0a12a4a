import Logging
package import StoreRecords

/// Checks everything that can be known of versions.
package struct Validation: Sendable {
  let records: RecordStore
  let views: ViewCatalogue
  let checkers: [any VersionChecker]

  /// Checks everything that can be known of a version: every digest, every view through our own parsers, values, shapes.
  ///
  /// Damage is found and reported, not thrown.
  ///
  /// - Throws: if there is no such version, or `progress` asked to stop.
  package func validate(
    _ model: ModelName, _ version: VersionName, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> ValidationReport {
    try records.require(model, version)
    var report = ValidationReport(model: model, version: version)
    do throws(StoreError) {
      let manifest = try records.manifest(of: model, version)
      var validator = VersionValidator(validation: self, manifest: manifest, progress: progress)
      report.checks = try validator.run()
    } catch {
      if case .interrupted = error.code { throw error }
      report.checks.append(.init("records", .failed, [error.message]))
    }
    if report.isValid {
      records.knownDamage.forget(model, version)
    } else {
      let problems = report.checks.filter { $0.outcome == .failed }.flatMap { check in
        check.details.map { "\(check.name): \($0)" }
      }
      records.knownDamage.note(DamageNote(time: Timestamp.now(), model: model, version: version, details: problems))
    }
    records.logger.log(
      level: report.isValid ? .info : .error, "validate: \(model)/\(version) \(report.isValid ? "valid" : "INVALID")")
    return report
  }

  /// Checks a version that is to be published, and whose blobs are all here: every digest, and every weight file through our own
  /// parsers. Shapes are not looked at.
  ///
  /// - Throws: if a table cannot be read, or `progress` asked to stop.
  package func check(
    _ manifest: Manifest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> ValidationReport {
    let bare = Validation(records: records, views: views, checkers: [])
    var validator = VersionValidator(validation: bare, manifest: manifest, progress: progress)
    return ValidationReport(model: manifest.model, version: manifest.version, checks: try validator.run())
  }
}
