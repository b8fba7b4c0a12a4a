import PosixIO
import SystemPackage

/// The model that is measured with: a safetensors file like those of language models, float32 embeddings and norms and
/// bfloat16 matrices, from some KB to tens of MB each.
package struct BenchModelFile {
  private struct Tensor {
    var name: String
    var dtype: String
    var shape: [Int]
    var elementByteCount: Int
    var byteCount: Int { shape.reduce(elementByteCount, *) }
  }

  /// Bytes that are drawn and written at once; a multiple of 32.
  private static let chunkByteCount = 4 << 20

  private let tensors: [Tensor]
  private let header: [UInt8]
  /// The size of the file.
  package let byteCount: Int
  package var tensorCount: Int { tensors.count }

  /// Plans a file of about `byteCount` bytes, and of not less than 1 MiB.
  package init(byteCount wanted: Int) {
    let widths = [2048, 1024, 512, 256, 128]
    // A layer has 12 x width x width numbers of 2 bytes; there are to be at least 4 layers.
    let width = widths.first { wanted / (24 * $0 * $0) >= 4 } ?? 64
    var tensors: [Tensor] = []
    func add(_ name: String, _ dtype: String, _ shape: [Int]) {
      tensors.append(Tensor(name: name, dtype: dtype, shape: shape, elementByteCount: dtype == "F32" ? 4 : 2))
    }
    var left = max(wanted, 1 << 20)
    var layer = 0
    let layerByteCount = 24 * width * width + 8 * width
    while left >= layerByteCount + 4 * width {
      let prefix = "model.layers.\(layer)."
      add(prefix + "input_layernorm.weight", "F32", [width])
      for name in ["q", "k", "v", "o"] { add(prefix + "self_attn.\(name)_proj.weight", "BF16", [width, width]) }
      add(prefix + "mlp.down_proj.weight", "BF16", [width, 4 * width])
      add(prefix + "mlp.up_proj.weight", "BF16", [4 * width, width])
      add(prefix + "post_attention_layernorm.weight", "F32", [width])
      left -= layerByteCount
      layer += 1
    }
    add("model.embed_tokens.weight", "F32", [max(1, left / (4 * width)), width])
    self.tensors = tensors
    header = Self.header(of: tensors)
    self.byteCount = header.count + tensors.reduce(0) { $0 + $1.byteCount }
  }

  /// The length of the JSON in 8 bytes, little-endian, and the JSON, filled up with spaces to a multiple of 8.
  private static func header(of tensors: [Tensor]) -> [UInt8] {
    var offset = 0
    var entries = ["\"__metadata__\":{\"format\":\"pt\"}"]
    for tensor in tensors {
      let end = offset + tensor.byteCount
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.dtype)\",\"shape\":\(tensor.shape),\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  /// The folder and the last component of an absolute path.
  private static func place(of path: String) throws(PosixError) -> (folder: Folder, name: String) {
    let path = FilePath(path)
    return (try Folder.open(path.removingLastComponent().string), path.lastComponent?.string ?? "")
  }

  /// Writes the file and forces it to disk.
  package func write(to path: String, unless stop: StopCheck) throws {
    let (folder, name) = try Self.place(of: path)
    let file = try folder.makeFile(name, exclusively: true)
    try file.write(header, at: 0)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkByteCount, alignment: 4096)
    defer { buffer.deallocate() }
    var random = RandomWords(seed: 1)
    var offset = header.count
    while offset < byteCount {
      try stop()
      random.fillWithWeights(buffer)
      let count = min(buffer.count, byteCount - offset)
      try file.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]), at: offset)
      offset += count
    }
    try file.synchronize()
  }

  /// Changes some bytes of every tensor in a file that ``write(to:unless:)`` made, so that to a store all of them are new, and
  /// forces that to disk.
  package func renew(_ path: String, number: Int) throws {
    let (folder, name) = try Self.place(of: path)
    let file = try folder.makeFile(name, exclusively: false)
    var offset = header.count
    for tensor in tensors {
      // A small positive float in either type.
      let half = withUnsafeBytes(of: UInt16(truncatingIfNeeded: number & 0x3FFF).littleEndian) { Array($0) }
      try file.write(half + half, at: offset)
      offset += tensor.byteCount
    }
    try file.synchronize()
  }
}
