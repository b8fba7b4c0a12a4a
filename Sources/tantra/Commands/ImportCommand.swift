import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra import FILE...`
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Publish weight files as versions.",
    discussion: """
      FILE is a safetensors file, a state dict of torch or a GGUF file (.safetensors, .pt, .pth, .bin, .ckpt, .gguf; the content \
      decides), a file that travels with it (config.json), or a folder of such files, which is a version of its own. Model and version \
      are taken from names such as mamba_v1.0_pt.pt, else from the options; a folder that is called checkpoint-20, as \
      trainers do, gives the version's name; the first version of a model is v1.0.

      Pickles are parsed, never run. What is written reads back byte for byte; every other format appears at once. A \
      version that exists is left as it is: the same weights in another format are added to it, others are refused, and then no file of it changes.

      A GGUF file of F32, F16, BF16 or integers that is named by itself becomes model.gguf, and every other format of it appears. One \
      with quantized tensors keeps its name, and is served as it is.

      A file that would run code when it is loaded is refused. With --state-dict-only its state dict is published as \
      torch.save writes it, and the rest is dropped, and named. A file that holds nothing but data is kept whole even then.

      --dry-run tells what would become of each file: weights, a component (weights that are served as written), weights kept unread, \
      an ordinary file, one in quarantine, or why it is refused. Every byte is read, and nothing is written. It ends with the \
      exit code that the import would have.
      """)

  @Argument(help: "Weight files, files that travel with them, or folders of both.", completion: .file()) var files:
    [String]
  @Option(help: "Name of the model.", completion: StoreCompletion.models) var model: String?
  @Option(help: "Name of the version.") var version: String?
  @Flag(help: "Make the version active.") var active = false
  @Flag(help: "Keep it as a training checkpoint, which cleanup takes first.") var checkpoint = false
  @Flag(help: "Of a file that would run code when it is loaded take the state dict, and drop the rest.")
  var stateDictOnly = false
  @Flag(help: "Only tell what would become of each file.") var dryRun = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    Interruption.watch()
    if dryRun { return try rehearse() }
    let reports = try store.makingStore { try publishAll() }
    if json { try Console.print(json: reports) }
  }

  private func publishAll() throws -> [Report] {
    switch try store.changingClient.access(creating: true) {
    case .direct(let registry):
      try publish(registry.records) { request, progress in
        try registry.importing(request, progress: progress)
        return registry
      }
    case .mounted(let mountpoint):
      try publish(try store.openForReading().records) { request, progress in
        try MountedImport(request, at: mountpoint, progress: progress).run()
        if request.activating {
          _ = try ControlFolder(mountpoint: mountpoint).send(
            .setActive(model: request.model, version: request.version))
        }
        return try store.openForReading()
      }
    }
  }

  // MARK: Dry run

  private func rehearse() throws {
    let rehearsal = try ImportRehearsal(
      in: store, stateDictOnly: stateDictOnly,
      planning: { records in
        try ImportPlan(
          files, model: model, version: version, checkpoint: checkpoint, active: active, records: records)
      })
    if json { try Console.print(json: rehearsal.imports) } else { Console.print(rehearsal.text) }
    if let refusal = rehearsal.refusal { throw refusal }
  }

  // MARK: Import

  /// A published version, and what of the file was dropped.
  private struct Report: Encodable {
    var manifest: Manifest
    var dropped: [String]?
    /// Files that are kept and do not open; nil if there are none.
    var quarantined: [WithheldFile]?

    private enum CodingKeys: CodingKey { case dropped, quarantined }

    func encode(to encoder: any Encoder) throws {
      try manifest.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(dropped, forKey: .dropped)
      try container.encodeIfPresent(quarantined, forKey: .quarantined)
    }
  }

  /// Publishes each file by `importing`, which answers with a registry that knows of it, and tells what came of it.
  private func publish(
    _ records: RecordStore, importing: (ImportRequest, @escaping ProgressHandler) throws -> WeightRegistry
  ) throws -> [Report] {
    let plan = try ImportPlan(
      files, model: model, version: version, checkpoint: checkpoint, active: active, records: records)
    var reports: [Report] = []
    for var request in plan.requests {
      if stateDictOnly { request.alone = try StateDictAlone(of: request.source) }
      if ["demo", "sample", "test"].contains(where: { request.model.text.lowercased().hasPrefix($0) }) {
        Console.error("warning: \(request.model) sounds like something to try, not to serve")
      }
      let before =
        records.contains(request.model, request.version)
        ? try records.manifest(of: request.model, request.version) : nil
      let wasDamaged = records.knownDamage(of: request.model).contains {
        $0.concerns(request.model, request.version)
      }
      let bar = ProgressBar(request.source)
      defer { bar.finish() }
      let current = try importing(request, Interruption.stopping(bar.handler))
      bar.finish()
      let manifest = try current.records.manifest(of: request.model, request.version)
      let brought = Set([request.path] + request.files.map(\.path))
      let withheld = try current.views.withheld(of: manifest, among: brought)
      reports.append(
        Report(
          manifest: manifest, dropped: request.alone?.dropped, quarantined: withheld.isEmpty ? nil : withheld))
      if json { continue }
      let isKnown = before?.isOfSameContent(as: manifest) == true
      Console.print(
        summary(of: manifest, request, isActive: current.records.activeVersion(of: request.model))
          + (!isKnown ? "" : wasDamaged ? "\nit was damaged, and is mended" : "\nit was there already"))
      for file in withheld { Console.error("warning: \(file.notice(of: request.model))") }
    }
    return reports
  }

  private func summary(of manifest: Manifest, _ request: ImportRequest, isActive active: VersionName?) -> String {
    let main = manifest.main
    let views = (main?.views ?? [:]).keys.sorted().map { "model.\($0)" }
    let size =
      main.map {
        "\(Console.count($0.tensorCount, "tensor")), \(Console.count($0.parameterCount, "parameter")); "
      } ?? ""
    var lines = [
      "\(request.source) -> \(manifest.model)/\(manifest.version): \(size)"
        + (views + manifest.parts.map(\.path)).joined(separator: ", ")
        + (active == manifest.version ? "; active" : "")
    ]
    if let written = manifest.weightFile(request.path), !written.extras.isEmpty {
      lines.append("only in \(written.path): " + written.extras.joined(separator: ", "))
    }
    if let alone = request.alone {
      lines.append("dropped of \(request.source): " + alone.dropped.joined(separator: "; "))
    }
    return lines.joined(separator: "\n")
  }
}
