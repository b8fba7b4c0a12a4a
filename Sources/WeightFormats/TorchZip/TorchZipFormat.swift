/// The zip archive that `torch.save` writes since torch 1.6, known as `.pt`, `.pth`, `.bin` and `.ckpt`.
///
///     model/data.pkl                 the pickled state dict; tensors refer to storages by key
///     model/.format_version          1
///     model/.storage_alignment       64
///     model/byteorder                little
///     model/data/0 ... model/data/n  the storages, uncompressed, aligned to 64 bytes in the file
///     model/version                  3
///     model/.data/serialization_id   40 digits, a hash of names and checksums
package struct TorchZipFormat: SynthesizableFormat {
  /// The folder in the archive of synthesized files: what torch takes from the file name `model.pt`.
  static let topName = "model"

  package init() {}

  package var name: String { "torch-zip" }
  package var fileExtensions: [String] { ["pt", "bin", "pth", "ckpt"] }
  package var viewExtensions: [String] { ["pt", "bin"] }

  /// A zip archive whose first record stands at offset 0, as torch demands.
  package func recognizes(_ head: [UInt8], byteCount: Int) -> Bool {
    head.starts(with: [0x50, 0x4B, 0x03, 0x04])
  }
}
