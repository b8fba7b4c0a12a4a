import ArgumentParser
import DerivedViews
import StoreRecords
import Tensors
import WeightFormats
import WeightRegistry

/// `tantra show MODEL[/VERSION]`
struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what a version holds and where it came from, or what there is of a model.",
    discussion: """
      Of a version: its files with their sizes and times, and how each is served; what a mount computes of it below .derived, \
      why some of that is not offered, and whether llama.cpp runs the GGUF files or they only hold tensors; of quantized GGUF files \
      the types of their tensors; with --tensors also every tensor. Of a model: its versions, links and policies. No tensor data is read.
      """)

  @OptionGroup var target: VersionArguments
  @Flag(help: "Also list the tensors of the version.") var tensors = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let registry = try store.openForReading()
    let records = registry.records
    let (model, version) = try records.names(target.model, target.version)
    guard let version else {
      guard !tensors else { throw CommandFailure(.usage, "which version of \(model) has the tensors that you mean?") }
      let shown = try ModelSummary(model, in: records)
      return json ? try Console.print(json: shown) : Console.print(shown.text)
    }
    let manifest = try records.manifest(of: model, version)
    var shown = try VersionSummary(manifest, in: registry, withTensors: tensors)
    if let folder = try records.folder(of: model, manifest.version) {
      shown.derived = try DerivedCatalogue(registry).listing(of: folder)
    }
    shown.add(quarantined: try registry.views.withheld(of: manifest).filter { !manifest.hides($0.path) })
    shown.damage = records.knownDamage(of: model).first { $0.concerns(model, manifest.version) }
    shown.compressed = try registry.compression.standing(of: manifest)
    if json { try Console.print(json: shown) } else { Console.print(shown.text) }
  }
}
