import Tensors
import TestSupport
import WeightFormats

/// The second half of an import under test: the state dict that came of an input, laid out in each format.
enum FuzzLayout {
  /// Bytes that storages may have together to be laid out: the input is what is hostile, not its size.
  private static let byteLimit = 1 << 16

  /// Lays a state dict out, with zeros for data, and reads the files back.
  static func check(_ stateDict: StateDict) throws {
    // An empty torch file is refused as no weights, an empty safetensors file is legal.
    guard !stateDict.tensors.isEmpty else { return }
    var byteCount = 0
    for size in stateDict.storageSizes {
      let (sum, overflow) = byteCount.addingReportingOverflow(size)
      guard !overflow, sum <= byteLimit else { return }
      byteCount = sum
    }
    let storages = stateDict.storageSizes.map { [UInt8](repeating: 0, count: $0) }
    let checksums = storages.map { bytes in
      var hasher = StorageHasher()
      bytes.withUnsafeBytes { hasher.update($0) }
      return hasher.finalize()
    }
    for view in WeightFormatCatalogue.views where view.name != "bin" {
      let layout: FileLayout
      do throws(FormatError) {
        layout = try view.format.layout(of: stateDict, checksums: checksums)
      } catch {
        guard error.code == .unsupported else { throw FuzzFailure(description: "\(view): \(error.message)") }
        continue
      }
      let file = bytes(of: layout, storages)
      do throws(FormatError) {
        let again = try view.format.parse(BufferSource(file)).stateDict
        guard contents(again) == contents(stateDict) else {
          throw FormatError(.malformed, "another state dict comes back")
        }
      } catch {
        throw FuzzFailure(description: "what was laid out as \(view) is not read back: \(error.message)")
      }
    }
  }

  private static func bytes(of layout: FileLayout, _ storages: [[UInt8]]) -> [UInt8] {
    layout.segments.flatMap { segment in
      switch segment {
      case .literal(let bytes): bytes
      case .storage(let index, let offset, let byteCount): storages[index][offset..<offset + byteCount]
      }
    }
  }

  private static func contents(_ stateDict: StateDict) -> [String: [String]] {
    Dictionary(
      stateDict.tensors.map { ($0.name, [$0.dtype.rawValue, "\($0.shape)"]) }, uniquingKeysWith: { $0 + $1 })
  }
}
