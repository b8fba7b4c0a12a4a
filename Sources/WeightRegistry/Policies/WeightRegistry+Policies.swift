import Logging

extension WeightRegistry {
  /// What has been decided about how a model is handled; the defaults for a model that there is not.
  package func policies(of model: ModelName) -> ModelPolicies { record(of: model).policies ?? ModelPolicies() }

  /// Sets a policy of a model to what people wrote, durably; nil sets it to its default.
  ///
  /// - Returns: the policies as they are now.
  /// - Throws: `unknownModel`; `invalidName`, with the values that the policy takes.
  @discardableResult
  package func setPolicy(
    _ key: PolicyKey, of model: ModelName, to value: String?, by actor: Actor = .current
  ) throws(RegistryError) -> ModelPolicies {
    try requireWriting()
    guard contains(model) else { throw unknown(model) }
    var policies = policies(of: model)
    try policies.set(key, to: value)
    try changeConfig { config in
      config.models[model, default: .init()].policies = policies == ModelPolicies() ? nil : policies
    }
    logger.info("policy: \(model) \(key.rawValue) is \(policies[key]), set by user \(actor.uid)")
    return policies
  }

  /// Checks a version if its model's policy asks for that before it becomes active.
  ///
  /// - Throws: `damaged`, with the report.
  func requireFitToActivate(
    _ model: ModelName, _ version: VersionName, progress: @escaping ProgressHandler
  ) throws(RegistryError) {
    guard policies(of: model).validatesBeforeActivating else { return }
    let report = try validate(model, version, progress: progress)
    guard report.isValid else {
      throw RegistryError(
        .damaged,
        "\(model)/\(version) does not pass validation, and the policy \(PolicyKey.validateBeforeActivate.rawValue) of "
          + "\(model) asks for that; it was not made active\n\(report.text.dropLast())")
    }
  }
}
