import DerivedViews
import PosixIO
import StoreRecords
import Tensors
import WeightFormats
import WeightRegistry

/// What `tantra show` tells of a version.
struct VersionSummary: Encodable {
  struct File: Encodable {
    var path: String
    var byteCount: Int
    /// Nanoseconds since 1970.
    var modified: Int64
    /// `as written`, `synthesized`, `quarantined` for one that does not open, or nothing for another ordinary file.
    var how: String
  }

  struct Listed: Encodable {
    /// The weight file that has it; nil for the main state dict.
    var file: String?
    var name: String
    var dtype: String
    var shape: [Int]
    var byteCount: Int
  }

  /// A weight file that is kept unread, and is served as it is.
  struct Unread: Encodable {
    var path: String
    var format: String
    var byteCount: Int
    /// What kind of model llama.cpp takes it for.
    var architecture: String?
    var types: [UnreadContents.TypeCount]
    /// Why its header cannot be read.
    var problem: String?

    /// `31 F32, 21 Q8_0`
    var text: String {
      problem
        ?? types.map { "\($0.tensors) \($0.type) (\(Console.size($0.byteCount)))" }.joined(
          separator: ", ")
    }
  }

  var model: ModelName
  var version: VersionName
  /// Links to it, `active` first.
  var links: [String]
  var isCheckpoint: Bool
  /// Where the weights came from, by which user, and when: nanoseconds since 1970.
  var source: String
  var uid: UInt32
  var published: Int64
  var tensorCount: Int
  var parameterCount: Int
  var files: [File]
  /// What else weight files carry, by path.
  var extras: [String: [String]]
  /// Weight files that are kept unread, as far as their headers tell what they hold.
  var unread: [Unread] = []
  /// What a mount computes of it; nil if it has no main state dict.
  var derived: DerivedListing?
  /// Files that are kept and do not open.
  private(set) var quarantined: [WithheldFile] = []
  /// What the last validation has found, if nobody has mended it since.
  var damage: DamageNote?
  /// What is compressed of the files that it needs.
  var compressed = CompressionStanding()
  /// nil unless they are asked for.
  var tensors: [Listed]?

  init(_ manifest: Manifest, in registry: WeightRegistry, withTensors: Bool) throws(StoreError) {
    let records = registry.records
    model = manifest.model
    version = manifest.version
    links = records.links(to: version, of: model)
    isCheckpoint = records.isCheckpoint(model, version)
    (source, uid, published) = (manifest.provenance.source, manifest.provenance.uid, manifest.published)
    let counts = manifest.counts
    (tensorCount, parameterCount) = (counts.tensorCount, counts.parameterCount)
    let views = (manifest.main?.views ?? [:]).map { view, byteCount in
      File(
        path: "model.\(view)", byteCount: byteCount, modified: manifest.modified(ofView: view),
        how: manifest.original(servedAs: view) == nil ? "synthesized" : "as written")
    }
    let parts = manifest.parts.map {
      File(path: $0.path, byteCount: $0.byteCount, modified: $0.modified, how: "as written")
    }
    let rest = manifest.files.map { File(path: $0.path, byteCount: $0.byteCount, modified: $0.modified, how: "") }
    files = (views + parts + rest).filter { !manifest.hides($0.path) }.sorted { $0.path < $1.path }
    extras = [:]
    for file in manifest.weights where !file.extras.isEmpty { extras[file.path] = file.extras }
    if withTensors { tensors = try Self.tensors(of: manifest, in: records) }
    for file in manifest.components where file.table == nil {
      note(file, in: registry.views, withTensors: withTensors)
    }
  }

  /// Notes what a file holds that is kept unread. One that is damaged is listed with what is wrong.
  private mutating func note(_ file: WeightRecord, in views: ViewCatalogue, withTensors: Bool) {
    var shown = Unread(path: file.path, format: file.format, byteCount: file.byteCount, types: [])
    do throws(StoreError) {
      guard let contents = try views.unreadContents(of: file) else { return }
      (shown.architecture, shown.types) = (contents.architecture, contents.types)
      if withTensors {
        tensors? += contents.tensors.map { tensor in
          Listed(
            file: file.path, name: tensor.name, dtype: tensor.type, shape: tensor.shape,
            byteCount: tensor.byteCount)
        }
      }
    } catch {
      shown.problem = error.message
    }
    unread.append(shown)
  }

  /// Tells of files that do not open.
  mutating func add(quarantined withheld: [WithheldFile]) {
    quarantined = withheld
    let paths = Set(withheld.map(\.path))
    for index in files.indices where paths.contains(files[index].path) { files[index].how = "quarantined" }
  }

  private static func tensors(of manifest: Manifest, in records: RecordStore) throws(StoreError) -> [Listed] {
    var listed: [Listed] = []
    func add(_ digest: Digest, _ file: String?) throws(StoreError) {
      listed += try records.table(digest).stateDict.tensors.map { tensor in
        Listed(
          file: file, name: tensor.name, dtype: tensor.dtype.rawValue, shape: tensor.shape.dimensions,
          byteCount: tensor.byteCount)
      }
    }
    if let main = manifest.main { try add(main.table, nil) }
    for file in manifest.components { if let table = file.table { try add(table, file.path) } }
    return listed
  }

  var text: String {
    let names = ([isCheckpoint ? "checkpoint" : nil] + links.map { $0 == "active" ? "active" : "link \($0)" })
      .compactMap(\.self)
    var lines = [
      "\(model)/\(version)" + (names.isEmpty ? "" : "  (\(names.joined(separator: ", ")))"),
      "\(Console.count(parameterCount, "parameter")) in \(Console.count(tensorCount, "tensor"))",
      "from \(source), by user \(UserAccount.text(uid)), \(Timestamp.text(published))",
    ]
    if let damage {
      lines.append(
        "DAMAGED, as a validation found \(Timestamp.text(damage.time)): importing the intact file again mends it")
      lines += damage.details.map { "  - \($0)" }
    }
    if let percent = compressed.percent {
      lines.append(
        "compressed to \(percent): \(Console.size(compressed.bytes)) take \(Console.size(compressed.storedBytes))"
          + (compressed.against.isEmpty ? "" : ", as differences from \(compressed.against.joined(separator: ", "))"))
    }
    lines += [
      "",
      Console.table(
        ["FILE", "SIZE", "CHANGED", "SERVED"],
        files.map { [$0.path, Console.size($0.byteCount), Timestamp.text($0.modified), $0.how] }),
    ]
    if !quarantined.isEmpty { lines += [""] + quarantined.map { $0.notice(of: model) } }
    let told = unread.filter { !$0.text.isEmpty }
    if !told.isEmpty {
      lines += [
        "",
        Console.table(
          ["SERVED AS WRITTEN, UNREAD", "KIND", "TENSORS"],
          told.map { [$0.path, $0.architecture ?? $0.format, $0.text] }),
      ]
    }
    for (path, extras) in extras.sorted(by: { $0.key < $1.key }) {
      lines += ["", "\(path) also carries:"] + extras.map { "  \($0)" }
    }
    if let derived {
      let files = derived.files.filter(\.isComputed).map {
        [$0.path, Console.size($0.byteCount), $0.types.text]
      }
      if !files.isEmpty {
        lines += ["", Console.table(["COMPUTED, IN .derived", "SIZE", "TENSORS"], files)]
      }
      if let readers = derived.gguf { lines += ["", "model-*.gguf: \(readers.text)"] }
      if !derived.missing.isEmpty { lines.append("") }
      lines += derived.missing.map { "no \($0.path): \($0.reason)" }
    }
    if let tensors {
      lines += [
        "",
        Console.table(
          ["TENSOR", "DTYPE", "SHAPE", "SIZE", "FILE"],
          tensors.map { tensor in
            [
              tensor.name, tensor.dtype, "[\(tensor.shape.map(String.init).joined(separator: ", "))]",
              Console.size(tensor.byteCount), tensor.file ?? "",
            ]
          }),
      ]
    }
    return lines.joined(separator: "\n")
  }
}
