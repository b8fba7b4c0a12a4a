import StoreRecords
import WeightFormats
import WeightRegistry

/// What one format of a version is like: what it weighs, how fast it loads, who opens it and how safe that is.
struct FormatComparison: Encodable {
  var model: ModelName
  var version: VersionName
  var format: String
  /// Bytes of the file.
  var byteCount: Int
  /// Whether the file is served as somebody wrote it; else it is synthesized, at no cost in space.
  var isWritten: Bool
  /// Seconds to parse the file and read every byte of it, through the page cache: the best of three.
  var loadSeconds: Double
  /// Who opens such a file, as the project's tests make sure.
  var opensWith: [String]
  var safety: String

  /// Measures a view.
  init(_ view: ViewFormat, of manifest: Manifest, in registry: WeightRegistry) throws {
    model = manifest.model
    version = manifest.version
    format = view.name
    byteCount = manifest.main?.views[view.name] ?? 0
    let original = manifest.original(servedAs: view.name)
    isWritten = original != nil
    opensWith = Self.programs(for: view.name, isLegacy: original?.format == TorchLegacyFormat().name)
    safety = Self.safety(of: view.name)
    let file = try registry.views.open(view.name, of: manifest)
    let times = try (0..<3).map { _ in try Self.load(file) }
    loadSeconds = times.min() ?? 0
  }

  /// Seconds that it takes to parse a file and read it to its end.
  private static func load(_ file: VersionView) throws -> Double {
    let chunk = 4 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(chunk, max(1, file.byteCount)), alignment: 4096)
    defer { buffer.deallocate() }
    let start = ContinuousClock.now
    _ = try WeightFormatCatalogue.parse(file)
    var offset = 0
    while offset < file.byteCount {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(chunk, file.byteCount - offset)])
      try file.read(at: offset, into: part)
      offset += part.count
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }

  /// What Tests/Oracles opens them with: mount_views.py, mount_transformers.py, torch_read.py.
  ///
  /// - Parameter isLegacy: whether it is a torch file from before the zip container, which torch cannot map.
  private static func programs(for view: String, isLegacy: Bool) -> [String] {
    if view == "safetensors" { return ["safetensors", "transformers"] }
    return isLegacy ? ["torch"] : ["torch", "torch mmap"]
  }

  private static func safety(of view: String) -> String {
    view == "safetensors"
      ? "safe: a header of JSON and plain bytes, nothing that could run"
      : "safe here: a pickle that Tantra has parsed and found inert; loads with weights_only=True. A .\(view) file from "
        + "elsewhere may run code"
  }
}
