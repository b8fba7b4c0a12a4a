package import Tensors

/// A file format that state dicts are read from.
package protocol WeightFormat: Sendable {
  /// The format's name in manifests and messages: `safetensors`, `torch-zip`, `torch-legacy`.
  var name: String { get }

  /// File extensions, without the dot, under which files of this format are accepted.
  var fileExtensions: [String] { get }

  /// Whether a file that begins with `head` (up to 64 bytes) claims to be of this format. Cheap and not final: `parse` decides.
  func recognizes(_ head: [UInt8], byteCount: Int) -> Bool

  /// Reads headers and directories, checks every byte that is not tensor data, and never touches tensor data.
  ///
  /// - Throws: a `FormatError` that names the tensor, record, opcode or offset.
  func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile

  /// The same for a file of which only the state dict is wanted. What belongs to programs is named in `programs` and left out,
  /// so that the file itself must not be served.
  func parseStateDict(_ source: any ByteSource) throws(FormatError) -> WeightFile
}

extension WeightFormat {
  package func parseStateDict(_ source: any ByteSource) throws(FormatError) -> WeightFile { try parse(source) }
}

/// A format that state dicts are also presented in.
package protocol SynthesizableFormat: WeightFormat {
  /// Extensions of the views of this format: `model.<extension>`.
  var viewExtensions: [String] { get }

  /// The file that holds exactly `stateDict`, as the format's reference writer would write it.
  ///
  /// - Parameter checksums: parallel to `stateDict.storageSizes`.
  /// - Throws: `unsupported` if the format cannot hold the state dict (a dtype that it lacks).
  func layout(of stateDict: StateDict, checksums: [StorageChecksum]) throws(FormatError) -> FileLayout

  /// Size of that file. The layout is not made for it, whose memory grows with the tensors.
  ///
  /// - Throws: what ``layout(of:checksums:)`` would.
  func byteCount(of stateDict: StateDict) throws(FormatError) -> Int
}

/// One of the files that every version presents: `model.<extension>`.
package struct ViewFormat: Sendable, Hashable, CustomStringConvertible {
  /// `safetensors`, `pt` or `bin`.
  package let name: String
  package let format: any SynthesizableFormat
  /// `model.pt`.
  package let fileName: String

  init(name: String, format: any SynthesizableFormat) {
    (self.name, self.format) = (name, format)
    fileName = "model.\(name)"
  }

  package var description: String { name }

  package static func == (a: ViewFormat, b: ViewFormat) -> Bool { a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
