import WeightRegistry

/// `.control/config`: `mamba keep 5` sets a policy of mamba, `mamba keep` sets it to its default; reads as a line for each
/// model and policy.
struct ConfigControl: ActingControl {
  let registry: WeightRegistry
  let last = LastReport()

  var name: String { "config" }

  func contents() throws(FileSystemError) -> [UInt8] {
    let lines = registry.models.flatMap { model in
      let policies = registry.policies(of: model)
      return PolicyKey.allCases.map { "\(model) \($0.rawValue) \(policies[$0])\n" }
    }
    return Array(lines.joined().utf8)
  }

  func act(
    _ text: String, by actor: Actor, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String {
    let parts = text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard [2, 3].contains(parts.count) else {
      throw StoreError(.invalidName, "expected MODEL, a policy and its value, found \"\(text)\"")
    }
    let model = try ModelName(validating: parts[0])
    let key = try PolicyKey(validating: parts[1])
    let policies = try registry.setPolicy(key, of: model, to: parts.count == 3 ? parts[2] : nil, by: actor)
    return "\(model) \(key.rawValue) \(policies[key])\n"
  }
}
