import ArgumentParser
import Remotes
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra config [MODEL] [KEY [VALUE]]`, `tantra config --store-wide [KEY [VALUE]]`
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Show or set how models are handled.",
    discussion: """
      What a model has set itself comes first, then what is set for the whole store with --store-wide, then the default. \
      A policy can be set before there is such a model.

      Policies, kept in the store's weight_config.json:


      """
        + PolicyKey.allCases.map { key in
          "\(key.rawValue): \(key.explanation). Takes \(key.values); the default is \(key.defaultValue)."
        }.joined(separator: "\n\n"))

  @Argument(
    help: ArgumentHelp(
      "The model, the policy and its value. Without a value it is shown; without a policy all are; without a model "
        + "those of all models. With --store-wide no model is named.", valueName: "model key value"),
    completion: StoreCompletion.policies)
  var words: [String] = []
  @Flag(help: "For all models that set nothing else themselves.") var storeWide = false
  @Flag(help: "Take back what was set: the store's policy holds, or the default.") var unset = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Line: Encodable {
    /// nil for the whole store.
    var model: ModelName?
    var key: PolicyKey
    var value: String
    var isDefault: Bool
    var explanation: String
    /// Who says so.
    var source: Source
  }

  private enum Source: String, Encodable {
    case `default`, store, set
  }

  private var keyPosition: Int { storeWide ? 0 : 1 }

  func validate() throws {
    if words.count > keyPosition + 2 {
      throw ValidationError("there is one word too many: \"\(words[words.count - 1])\"")
    }
    if unset, words.count != keyPosition + 1 {
      throw ValidationError("--unset takes a \(storeWide ? "policy" : "model and a policy"), and no value")
    }
  }

  func run() throws {
    let model = storeWide ? nil : try words.first.map { try VersionArguments.model($0, forVersions: "show") }
    let key = try words.dropFirst(keyPosition).first.map { try PolicyKey(validating: $0) }
    let value = words.dropFirst(keyPosition + 1).first
    let sets = unset || value != nil
    if let key, sets { try store.changingClient.setPolicy(key, of: model, to: value) }
    if key == .verifyBeforeActivate, let value { noteUselessKey(at: value) }
    let records = try store.openForReading().records
    if let model, sets, !unset, !records.hasFolder(model) {
      Console.note(
        "there is no model \(model) yet" + NearMatch.hint(for: model.text, among: records.models.map(\.text)))
    }
    if let model, !records.contains(model), !sets, records.record(of: model).policies == nil {
      throw records.unknown(model)
    }
    let models: [ModelName?] = storeWide ? [nil] : model.map { [$0] } ?? records.models
    let lines = models.flatMap { model in
      (key.map { [$0] } ?? PolicyKey.allCases).map { line(of: $0, of: model, in: records) }
    }
    if json { return try Console.print(json: lines) }
    Console.print(
      Console.table(
        ["MODEL", "POLICY", "VALUE", ""],
        lines.map { [$0.model?.text ?? "(all)", $0.key.rawValue, $0.value, $0.source.rawValue] }))
  }

  /// Says so if a key cannot be used now: nothing can be pulled until it can.
  private func noteUselessKey(at path: String) {
    guard path.hasPrefix("/") else { return }
    do throws(StoreError) {
      _ = try VerifyingKey(fileAt: path)
    } catch {
      Console.note("pulls are refused until the key can be used: \(error.message)")
    }
  }

  private func line(of key: PolicyKey, of model: ModelName?, in records: RecordStore) -> Line {
    let storeWide = records.storeWidePolicies
    let own = model.flatMap { records.record(of: $0).policies } ?? PolicySettings()
    let value = ModelPolicies(own, storeWide: storeWide)[key]
    let source: Source =
      own.values[key] != nil ? .set : storeWide.values[key] == nil ? .default : model == nil ? .set : .store
    return Line(
      model: model, key: key, value: value, isDefault: value == key.defaultValue, explanation: key.explanation,
      source: source)
  }
}
