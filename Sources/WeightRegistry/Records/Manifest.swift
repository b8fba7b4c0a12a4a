package import Tensors

/// One version of a model: `models/<model>/<version>.json`. Writing it is what publishes the version.
package struct Manifest: Sendable, Hashable, Codable {
  /// A view as somebody wrote it, served verbatim.
  package struct Original: Sendable, Hashable, Codable {
    /// `safetensors`, `pt` or `bin`.
    package var view: String
    /// The format's name: `torch-zip`.
    package var format: String
    /// The id that the file has as a blob. It stands for these bytes even if they are stitched and there is no such blob.
    package var blob: Digest
    package var byteCount: Int
    /// Nanoseconds since 1970.
    package var modified: Int64
    /// The table of this file. The file is the first pack of it, or put together as it says.
    package var table: Digest
    /// All packs that the table names, so that nobody has to read it to know what it needs.
    package var packs: [Digest]
    /// Whether it is a torch zip of the plain state dict, whose bytes serve as `.pt` and `.bin` alike.
    package var isPlain: Bool
    /// What else the file carries, a line each; in this view only.
    package var extras: [String]

    /// Whether the file is put together from parts of packs, and not a pack itself.
    package var isStitched: Bool { !packs.contains(blob) }
  }

  /// A file that travels with the version: `config.json`.
  package struct Sidecar: Sendable, Hashable, Codable {
    package var path: String
    package var blob: Digest
    /// Plain SHA-256 of the bytes.
    package var digest: Digest
    package var byteCount: Int
    /// Nanoseconds since 1970.
    package var modified: Int64
  }

  /// Where the weights came from.
  package struct Provenance: Sendable, Hashable, Codable {
    /// Base name of the imported file, or how it was made.
    package var source: String
    package var uid: UInt32
    /// Nanoseconds since 1970.
    package var time: Int64
  }

  package var model: ModelName
  package var version: VersionName
  /// The table that rules the synthesized views.
  package var table: Digest
  /// Packs that the ruling table names; nil if those of the originals are all.
  package var tablePacks: [Digest]?
  package var tensorCount: Int
  package var parameterCount: Int
  /// In the order in which they were written.
  package var originals: [Original]
  /// Weight files that are shown under the names that they were written under (`view`): shards. nil for none.
  package var parts: [Original]?
  /// Size of every view by name, written or synthesized; a format that cannot hold the weights is not listed.
  package var views: [String: Int]
  package var sidecars: [Sidecar]
  /// Paths of files that were removed from the folder and come back when the version is restored; nil for none.
  package var hidden: Set<String>?
  /// mtimes that synthesized views were given, by view; nil for none.
  package var viewTimes: [String: Int64]?
  package var provenance: Provenance

  /// Checks what a decoded manifest would otherwise put into a tree unseen.
  ///
  /// - Throws: `damaged`, naming the sidecar or view.
  package func checkConsistency() throws(RegistryError) {
    for sidecar in sidecars {
      if let why = Sidecar.problem(ofPath: sidecar.path) ?? (sidecar.byteCount < 0 ? "has a negative size" : nil) {
        throw RegistryError(
          .damaged, "the manifest of \(model)/\(version) is damaged: the file \(sidecar.path.debugDescription) \(why)")
      }
    }
    for part in parts ?? [] {
      if let why = Sidecar.problem(ofPath: part.view) {
        throw RegistryError(
          .damaged, "the manifest of \(model)/\(version) is damaged: the file \(part.view.debugDescription) \(why)")
      }
    }
    let sizes = views.map { ($0.key, $0.value) } + originals.map { ($0.view, $0.byteCount) }
    if let view = sizes.first(where: { $0.1 < 0 }) {
      throw RegistryError(
        .damaged, "the manifest of \(model)/\(version) is damaged: the view \(view.0) has a negative size")
    }
  }

  /// When the version was published, in nanoseconds since 1970: the mtime of its synthesized views.
  package var published: Int64 { provenance.time }

  /// What the bytes of a view depend on: the file that was written, or the table that rules the synthesis.
  package func content(of view: String) -> Digest { original(servedAs: view)?.blob ?? table }

  /// The original that is served as `view`: as written, or by the sibling that shares its container.
  package func original(servedAs view: String) -> Original? {
    if let original = originals.first(where: { $0.view == view }) { return original }
    let container: Set<String> = ["pt", "bin"]
    guard container.contains(view) else { return nil }
    return originals.first { container.contains($0.view) && $0.isPlain }
  }
}
