import ArgumentParser
import StoreRecords
import WeightFormats
import WeightRegistry

/// `tantra export MODEL [VERSION] [--format F|all] [--to DIR]`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a version as plain files.",
    discussion: """
      Files are named <model>_<version>_<format>.<extension>, as mamba_v1.0_pt.pt. With --folder a folder \
      <model>_<version> is written instead, with model.<format> and the files that travel with the version (config.json), \
      so that from_pretrained loads it. Files that would run code when they are unpickled are left out, and named, unless \
      the model's policy pickles allows them (tantra config MODEL pickles allow).

      A version may also be named by a link to it, as stable, which tantra tag made.

      The bytes are those that the mount shows, and so are the times. A file appears when it is complete and on disk. It \
      works whether or not the store is mounted.

      Exit codes: 0 written; 64 wrong usage; 65 the store is damaged; 66 no such model, version or format; 73 a file \
      exists and --force was not given; 74 the disk is full, or reading or writing failed; 77 not permitted; \
      130 interrupted. Nothing is left behind unless it ends with 0.
      """)

  @OptionGroup var target: VersionArguments
  @Option(
    help: "safetensors, pt, bin, or all; the model's policy default-format if left out.",
    completion: StoreCompletion.formats) var format: String?
  @Option(help: "Folder to write into; made if it is missing.", completion: .directory) var to = "."
  @Flag(help: "Write a folder that from_pretrained loads.") var folder = false
  @Flag(help: "Replace files that exist.") var force = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func validate() throws {
    guard let format, format != "all" else { return try requireFolder() }
    guard WeightFormatCatalogue.view(named: format) != nil else {
      let known = WeightFormatCatalogue.views.map(\.name).joined(separator: ", ")
      throw ValidationError("there is no format \"\(format)\": expected \(known) or all")
    }
    try requireFolder()
  }

  private func requireFolder() throws {
    guard !to.isEmpty else { throw ValidationError("--to names no folder") }
  }

  func run() throws {
    let registry = try store.openForReading()
    let records = registry.records
    let (model, named) = try records.names(target.model, target.version)
    let version = try named ?? records.requireActiveVersion(of: model)
    let manifest = try records.manifest(of: model, version)
    let format = format ?? records.policies(of: model).defaultFormat
    if manifest.main == nil, !folder {
      throw CommandFailure(.usage, "\(model)/\(version) has no model file of its own: --folder exports all its files")
    }
    let views =
      format == "all" || manifest.main == nil
      ? WeightFormatCatalogue.views.map(\.name).filter { manifest.main?.views[$0] != nil } : [format]
    let bar = ProgressBar("\(model)/\(version)")
    defer { bar.finish() }
    Interruption.watch()
    let files = try registry.exporting(
      ExportRequest(
        model: model, version: version, views: views, target: to, arrangement: folder ? .folder : .files,
        replacing: force), progress: Interruption.stopping(bar.handler))
    bar.finish()
    if json { return try Console.print(json: files) }
    for file in files {
      if let reason = file.leftOut {
        Console.error(WithheldFile.message(file.path, reason, of: model))
      } else {
        Console.print("\(file.path)  \(Console.size(file.byteCount))")
      }
    }
  }
}

extension RecordStore {
  /// The version that the model's users get.
  ///
  /// - Throws: `unknownModel`; `unknownVersion` if none is active.
  func requireActiveVersion(of model: ModelName) throws(StoreError) -> VersionName {
    guard contains(model) else { throw unknown(model) }
    guard let version = activeVersion(of: model) else {
      let known = try versions(of: model).map(\.text).joined(separator: ", ")
      throw StoreError(.unknownVersion, "\(model) has no active version; name one of \(known)")
    }
    return version
  }
}
