package import Tensors
import WeightFormats

/// A weight file as somebody wrote it, served verbatim.
package struct WeightRecord: Sendable, Hashable, Codable {
  /// Its path in the version: `model.safetensors`, `unet/diffusion_pytorch_model.safetensors`.
  @ExactName package var path: String
  /// The format's name: `torch-zip`.
  package var format: String
  /// The id that the file has as a blob. It stands for these bytes even if they are stitched and there is no such blob.
  package var blob: Digest
  package var byteCount: Int
  /// Nanoseconds since 1970.
  package var modified: Int64
  /// The table of this file: the file is the first pack of it, or put together as it says. Nil for an opaque file, which is
  /// kept unread.
  package var table: Digest?
  /// All packs that the table names, so that nobody has to read it to know what it needs.
  package var packs: [Digest]
  /// Whether it is a torch zip of the plain state dict, whose bytes serve as `.pt` and `.bin` alike.
  package var isPlain: Bool
  /// What else the file carries, a line each; in this file only.
  package var extras: [String]
  /// How much it holds. Nil for an opaque file that does not tell (a quantized GGUF file does), and if an older Tantra kept the file.
  package var counts: Counts?

  /// How much a weight file holds.
  package struct Counts: Sendable, Hashable, Codable {
    package var tensorCount: Int
    package var parameterCount: Int

    package init(tensorCount: Int, parameterCount: Int) {
      self.tensorCount = tensorCount
      self.parameterCount = parameterCount
    }

    package init(of stateDict: StateDict) {
      self.init(tensorCount: stateDict.tensors.count, parameterCount: stateDict.parameterCount)
    }
  }

  package init(
    path: String, format: String, blob: Digest, byteCount: Int, modified: Int64, table: Digest?, packs: [Digest],
    isPlain: Bool, extras: [String], counts: Counts? = nil
  ) {
    self.path = path
    self.format = format
    self.blob = blob
    self.byteCount = byteCount
    self.modified = modified
    self.table = table
    self.packs = packs
    self.isPlain = isPlain
    self.extras = extras
    self.counts = counts
  }

  /// Whether the file is put together from parts of packs, and not a blob itself.
  package var isStitched: Bool { table != nil && !packs.contains(blob) }

  /// The view whose name it has (`pt` for `model.pt`); nil for others.
  package var viewName: String? { FilePurpose.view(named: path)?.name }

  /// Every blob that the file needs.
  package var blobs: [Digest] { (isStitched ? [] : [blob]) + (table.map { [$0] } ?? []) + packs }
}
