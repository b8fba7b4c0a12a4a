import Tensors
import WeightFormats

/// What a state dict is in GGUF, whatever type it is written in: keys, and tensors by their names there.
struct GGUFModel: Sendable {
  struct Tensor: Sendable {
    var name: String
    /// Index in the state dict.
    var source: Int
    /// As torch has it, outermost first.
    var shape: [Int]
    var change: Change
    /// Whether programs need it as F32, whatever the file's type.
    var isAlwaysFloat = false

    enum Change: Sendable {
      /// Other names or types only.
      case none
      /// The rows in another order.
      case rows(RowOrder)
      /// -exp(x), as F32.
      case negativeExponential
      /// The bits as they are, whatever the file's type.
      case stored(GGUFType)
      /// Numbers that come from config.json, as F32.
      case literal([Float])
      /// As F16, which has every value of the source's type.
      case half
    }
  }

  /// The keys as they stand in a file: they are the same for each type, but for the type itself.
  private let keys: GGUFKeyList
  let tensors: [Tensor]
  /// What reads the files.
  let readers: DerivedListing.GGUFReaders
  /// The tensor whose quality matters most; nil if none of the usual names is there.
  private let outputName: String?

  /// What a file of no known model says that it is.
  static let unknownArchitecture = "tantra"

  /// - Parameter isRun: whether llama.cpp runs such models.
  init(keys: [GGUFKey], tensors: [Tensor], isRun: Bool = true) {
    self.keys = GGUFKeyList(keys)
    self.tensors = tensors
    var architecture = Self.unknownArchitecture
    if case .string(let text)? = keys.first(where: { $0.name == "general.architecture" })?.value {
      architecture = text
    }
    let hasText = !keys.contains {
      $0.name == "tokenizer.ggml.model" && $0.value == .string("none")
    }
    readers = .init(architecture: architecture, use: !isRun ? .tensors : hasText ? .text : .tokens)
    outputName = ["output.weight", "token_embd.weight"].first { name in
      tensors.contains { $0.name == name }
    }
  }

  /// About how much memory it takes, in bytes.
  var memoryByteCount: Int { keys.byteCount + tensors.count * 256 }

  /// Bytes that a tensor's name may have in llama.cpp.
  static let nameByteLimit = 63
  private static let alignment = 32

  /// What a tensor becomes in a file of a type, as llama.cpp's converter decides: matrices take the type; what has fewer than two
  /// dimensions, norms, and what is no weight stay F32; where a row is no whole number of blocks, F16.
  func type(of tensor: Tensor, in wanted: GGUFType) -> GGUFType {
    switch tensor.change {
    case .stored(let type): return type
    case .half: return .f16
    case .negativeExponential, .literal: return .f32
    case .none, .rows: break
    }
    if tensor.isAlwaysFloat || tensor.shape.count < 2 || !tensor.name.hasSuffix(".weight")
      || tensor.name.hasSuffix("_norm.weight")
    {
      return .f32
    }
    // Of 4 bits the output, or the embeddings that serve as it, takes 8.
    var wanted = wanted
    if wanted == .q40, tensor.name == outputName { wanted = .q80 }
    return (tensor.shape.last ?? 1) % wanted.block.elementCount == 0 ? wanted : .f16
  }

  /// Whether some tensor of a file takes the type that gives the file its name.
  func uses(_ type: GGUFType) -> Bool {
    type == .f32 || tensors.contains { self.type(of: $0, in: type) == type }
  }

  /// The file in a type.
  ///
  /// - Parameter stateDict: what the tensors are of.
  /// - Throws: ``Withheld`` if no such file can be.
  func file(_ type: GGUFType, of stateDict: StateDict) throws(Withheld) -> DerivedFile {
    var header: [UInt8] = []
    header.append(contentsOf: "GGUF".utf8)
    header.append(number: UInt32(3))
    header.append(number: UInt64(tensors.count))
    header.append(number: UInt64(keys.count))
    keys.append(to: &header, for: type)
    var offset = 0
    var parts: [DerivedFile.Part] = []
    var types: [GGUFType: Int] = [:]
    for tensor in tensors {
      let stored = self.type(of: tensor, in: type)
      let size = try byteCount(of: tensor, stored)
      header.append(text: tensor.name)
      header.append(number: UInt32(tensor.shape.count))
      for dimension in tensor.shape.reversed() { header.append(number: UInt64(dimension)) }
      header.append(number: stored.rawValue)
      header.append(number: UInt64(offset))
      if size > 0 { parts.append(try part(tensor, stored, of: stateDict, byteCount: size)) }
      types[stored, default: 0] += 1
      let end = Self.aligned(offset + size)
      if end > offset + size {
        parts.append(.literal([UInt8](repeating: 0, count: end - offset - size)))
      }
      guard end <= StateDict.maximumLayoutByteCount else {
        throw Withheld("it would have more than \(StateDict.maximumLayoutByteCount) bytes")
      }
      offset = end
    }
    header.append(contentsOf: repeatElement(0, count: Self.aligned(header.count) - header.count))
    return DerivedFile(
      parts: [.literal(header)] + parts, byteCount: header.count + offset,
      types: types.map { ($0.key.name, $0.value) }.sorted { $0.0 < $1.0 })
  }

  private static func aligned(_ size: Int) -> Int { (size + alignment - 1) / alignment * alignment }

  private func byteCount(of tensor: Tensor, _ type: GGUFType) throws(Withheld) -> Int {
    guard let count = Shape(tensor.shape).elementCount else { throw Withheld("\(tensor.name) has no size") }
    let (bytes, overflow) = (count / type.block.elementCount).multipliedReportingOverflow(by: type.block.byteCount)
    guard !overflow, bytes <= StateDict.maximumLayoutByteCount else {
      throw Withheld("\(tensor.name) would have more bytes than a file can")
    }
    return bytes
  }

  private func part(
    _ tensor: Tensor, _ type: GGUFType, of stateDict: StateDict, byteCount: Int
  ) throws(Withheld) -> DerivedFile.Part {
    if case .literal(let numbers) = tensor.change {
      var bytes: [UInt8] = []
      for number in numbers { bytes.append(number: number.bitPattern) }
      return .literal(bytes)
    }
    let source = stateDict.tensors[tensor.source]
    let recipe: Recipe
    switch tensor.change {
    case .stored, .literal: return .stored(tensor.source, byteCount: source.byteCount)
    case .negativeExponential: recipe = Recipe(.negativeExponential)
    case .rows(let rows): recipe = Recipe(.blocks(type), rows: rows)
    case .none, .half:
      if GGUFType(storing: source.dtype) == type { return .stored(tensor.source, byteCount: source.byteCount) }
      recipe = Recipe(.blocks(type))
    }
    guard kernelElement(of: source.dtype) != nil else {
      throw Withheld("tensor \"\(source.name)\" is \(source.dtype.rawValue), which cannot be written as \(type.name)")
    }
    return .computed(recipe, of: tensor.source, byteCount: byteCount)
  }
}
