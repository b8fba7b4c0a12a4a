import Logging
package import StoreRecords

/// Decides how models are handled.
package struct Policies: Sendable {
  let records: RecordStore

  /// Sets a policy to what people wrote, durably; nil takes the decision back, so that what is decided for all models holds, or the
  /// default.
  ///
  /// - Parameter model: whether or not it exists yet; nil for all models that decide nothing else themselves.
  /// - Returns: the policies as they are now.
  /// - Throws: `invalidName`, with the values that the policy takes.
  @discardableResult
  package func set(
    _ key: PolicyKey, of model: ModelName?, to value: String?, by actor: Actor = .current
  ) throws(StoreError) -> ModelPolicies {
    if let model {
      try records.transaction(model) { (records) throws(StoreError) in
        var own = records.record.policies ?? PolicySettings()
        try own.set(key, to: value)
        let decided = own
        try records.configure { $0.policies = decided.isEmpty ? nil : decided }
      }
    } else {
      try records.changePolicies { (policies) throws(StoreError) in try policies.set(key, to: value) }
    }
    let policies = model.map { records.policies(of: $0) } ?? ModelPolicies(storeWide: records.storeWidePolicies)
    records.logger.info(
      "policy: \(model?.text ?? "all models") \(key.rawValue) is \(policies[key]), set by user \(actor.uid)")
    return policies
  }
}
