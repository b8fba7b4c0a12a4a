import Logging

extension WeightRegistry {
  /// Checks everything that can be known of a version: every digest, every view through our own parsers, values, shapes.
  ///
  /// Damage is found and reported, not thrown.
  ///
  /// - Throws: if there is no such version, or `progress` asked to stop.
  package func validate(
    _ model: ModelName, _ version: VersionName, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> ValidationReport {
    guard contains(model) else { throw unknown(model) }
    guard contains(model, version) else { throw unknown(version, of: model) }
    var report = ValidationReport(model: model, version: version)
    do throws(RegistryError) {
      let manifest = try manifest(of: model, version)
      var validator = VersionValidator(registry: self, manifest: manifest, progress: progress)
      report.checks = try validator.run()
    } catch {
      if case .interrupted = error.code { throw error }
      report.checks.append(.init("records", .failed, [error.message]))
    }
    logger.log(
      level: report.isValid ? .info : .error, "validate: \(model)/\(version) \(report.isValid ? "valid" : "INVALID")")
    return report
  }
}
