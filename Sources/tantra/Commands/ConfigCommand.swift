import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra config [MODEL] [KEY [VALUE]]`
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Show or set how a model is handled.",
    discussion: "Policies, kept in the store's weight_config.json:\n\n"
      + PolicyKey.allCases.map { key in
        "\(key.rawValue): \(key.explanation). Takes \(key.values); the default is \(ModelPolicies()[key])."
      }.joined(separator: "\n\n"))

  @Argument(help: "Name of the model; all models if left out.") var model: String?
  @Argument(help: "Name of a policy; all policies if left out.") var key: String?
  @Argument(help: "What to set it to; shown if left out.") var value: String?
  @Flag(help: "Set the policy to its default.") var unset = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Line: Encodable {
    var model: ModelName
    var key: PolicyKey
    var value: String
    var isDefault: Bool
    var explanation: String
  }

  func validate() throws {
    if unset, key == nil || value != nil { throw ValidationError("--unset takes a model and a policy, and no value") }
  }

  func run() throws {
    let model = try model.map { try ModelName(validating: $0) }
    let key = try key.map { try PolicyKey(validating: $0) }
    if let model, let key, unset || value != nil {
      try store.changingClient.setPolicy(key, of: model, to: value)
    }
    let records = try store.openForReading().records
    if let model, !records.contains(model) { throw records.unknown(model) }
    let lines = (model.map { [$0] } ?? records.models).flatMap { model in
      let policies = records.policies(of: model)
      return (key.map { [$0] } ?? PolicyKey.allCases).map { key in
        Line(
          model: model, key: key, value: policies[key], isDefault: policies[key] == ModelPolicies()[key],
          explanation: key.explanation)
      }
    }
    if json { return try Console.print(json: lines) }
    Console.print(
      Console.table(
        ["MODEL", "POLICY", "VALUE", ""],
        lines.map { [$0.model.text, $0.key.rawValue, $0.value, $0.isDefault ? "default" : "set"] }))
  }
}
