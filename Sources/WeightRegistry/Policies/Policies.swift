import Logging
package import StoreRecords

/// Decides how models are handled.
package struct Policies: Sendable {
  let records: RecordStore

  /// Sets a policy of a model to what people wrote, durably; nil sets it to its default.
  ///
  /// - Returns: the policies as they are now.
  /// - Throws: `unknownModel`; `invalidName`, with the values that the policy takes.
  @discardableResult
  package func set(
    _ key: PolicyKey, of model: ModelName, to value: String?, by actor: Actor = .current
  ) throws(StoreError) -> ModelPolicies {
    let policies = try records.transaction(model) { (records) throws(StoreError) in
      try self.records.require(model)
      var policies = self.records.policies(of: model)
      try policies.set(key, to: value)
      let changed = policies
      try records.configure { $0.policies = changed == ModelPolicies() ? nil : changed }
      return policies
    }
    records.logger.info("policy: \(model) \(key.rawValue) is \(policies[key]), set by user \(actor.uid)")
    return policies
  }
}
