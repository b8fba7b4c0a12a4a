package import Tensors

package struct SafetensorsFormat: SynthesizableFormat {
  package init() {}
  package var name: String { "safetensors" }
  package var fileExtensions: [String] { ["safetensors"] }
  package var viewExtensions: [String] { ["safetensors"] }
  package func recognizes(_ head: [UInt8], byteCount: Int) -> Bool { false }
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile { throw FormatError(.unsupported, "") }
  package func layout(of stateDict: StateDict, checksums: [StorageChecksum]) throws(FormatError) -> FileLayout {
    throw FormatError(.unsupported, "")
  }
}
package struct TorchZipFormat: SynthesizableFormat {
  package init() {}
  package var name: String { "torch-zip" }
  package var fileExtensions: [String] { ["pt", "bin", "pth", "ckpt"] }
  package var viewExtensions: [String] { ["pt", "bin"] }
  package func recognizes(_ head: [UInt8], byteCount: Int) -> Bool { false }
  package func layout(of stateDict: StateDict, checksums: [StorageChecksum]) throws(FormatError) -> FileLayout {
    throw FormatError(.unsupported, "")
  }
}
