import ArgumentParser
import DerivedViews
import StoreRecords
import WeightRegistry

/// `tantra quantize MODEL[/VERSION] --to Q8_0 [--out FILE]`
struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Write a version as a GGUF file.",
    discussion: """
      The file is the one that a mount shows as .derived/MODEL/VERSION/model-TYPE.gguf; whoever can read that needs no copy. \
      It is named <model>_<version>_<type>.gguf, as mamba_v1.0_Q8_0.gguf, unless --out names it. Without a version the active one is \
      taken. What it is made of is checked first, and it appears when it is complete and on disk, whether or not the store is mounted.

      tantra show MODEL/VERSION lists the types that a version is offered in, and why others are not. Of a model that llama.cpp \
      does not run the file only holds tensors, for viewers and loaders; a note on standard error says so.

      Exit codes: 0 written; 64 wrong usage; 65 the store is damaged; 66 no such model or version, or it is not offered in the \
      type; 73 the file exists and --force was not given; 74 the disk is full, or reading or writing failed; 77 not permitted; \
      130 interrupted. Nothing is left behind unless it ends with 0.
      """)

  @OptionGroup var target: VersionArguments
  @Option(
    help: "Type of the file: F32, F16, BF16, Q8_0, Q5_0, Q4_1 or Q4_0.",
    completion: .list(DerivedCatalogue.ggufTypes)) var to: String
  @Option(help: "Path of the file.", completion: .file(extensions: ["gguf"])) var out: String?
  @Flag(help: "Replace a file that exists.") var force = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Report: Encodable {
    var path: String
    var byteCount: Int
    var types: [DerivedFile.TypeCount]
  }

  func validate() throws {
    guard DerivedCatalogue.ggufTypes.contains(to.uppercased()) else {
      throw ValidationError(
        "--to: there is no type \"\(to)\": expected \(DerivedCatalogue.ggufTypes.joined(separator: ", "))")
    }
    if let out, out.isEmpty || out.hasSuffix("/") { throw ValidationError("--out names no file") }
  }

  func run() throws {
    let registry = try store.openForReading()
    let records = registry.records
    let (model, named) = try records.names(target.model, target.version)
    let version = try named ?? records.requireActiveVersion(of: model)
    let manifest = try records.manifest(of: model, version)
    guard let main = manifest.main, let folder = try records.folder(of: model, version) else {
      throw CommandFailure(.noInput, "\(model)/\(version) has no state dict of its own, only components")
    }
    let type = to.uppercased()
    let derived = DerivedCatalogue(registry)
    let path = "model-\(type).gguf"
    let content = try derived.open(path, of: folder)
    let (parent, name) = Self.place(of: out ?? "\(model)_\(version)_\(type).gguf")
    let bar = ProgressBar("\(model)/\(version)")
    defer { bar.finish() }
    Interruption.watch()
    let file = try registry.exporting(
      computed: content, of: main.table, as: name, in: parent, modified: manifest.published, replacing: force,
      progress: Interruption.stopping(bar.handler))
    bar.finish()
    let listing = try derived.listing(of: folder)
    let types = listing?.file(path)?.types ?? []
    if let readers = listing?.gguf, readers.use == .tensors {
      Console.error("note: \(file.path): \(readers.text)")
    }
    if json {
      return try Console.print(
        json: Report(path: file.path, byteCount: file.byteCount, types: types))
    }
    Console.print("\(file.path)  \(Console.size(file.byteCount))  \(types.text)")
  }

  /// The folder and the name of a path.
  private static func place(of path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }
}

extension [DerivedFile.TypeCount] {
  /// `31 F32, 21 Q8_0`
  var text: String { map { "\($0.tensors) \($0.type)" }.joined(separator: ", ") }
}
