package import CMambaKernels
package import Tensors

/// The weights of a Mamba that writes text, as the kernels take them; of a multimodal one, with the part that sees.
///
/// Matrices stay where the checkpoint has them, in their own dtype, and are read from there. Only what belongs to single
/// channels (norms, convolutions, time step, A, D; about 2% of a model) is copied, as floats in blocks of channels.
package final class MambaWeights: ModelWeights, Sendable {
  private let bound: BoundTensors
  /// The layers and the head.
  let stack: MambaStack
  /// What turns an image into the beginning of a sequence; nil if the model reads text only.
  let vision: VisionWeights?
  /// The dimensions.
  package let configuration: MambaModel
  /// The token that begins a text, if config.json names one.
  package let beginning: Int32?
  /// The tokens that end a text.
  package let endings: Set<Int32>

  package init(configuration bytes: [UInt8], checkpoint: Checkpoint) throws {
    let fields: ConfigurationFields
    let epsilon: Double
    let size: MambaModel
    let multimodal: MambaMultimodalModel?
    do throws(ConfigurationFields.Problem) {
      fields = try ConfigurationFields(parsing: bytes)
      let count = checkpoint.tensors.count
      switch fields.string("model_type") {
      case "mamba":
        multimodal = nil
        size = try MambaModel(reading: fields, tensorCount: count)
      case "mamba_multimodal":
        let read = try MambaMultimodalModel(reading: fields, tensorCount: count)
        multimodal = read
        size = MambaModel(vocabularySize: read.vocabularySize, layers: read.layers)
      case let type:
        throw ConfigurationFields.Problem(
          "model_type: expected \"mamba\" or \"mamba_multimodal\", which go on with a text, found "
            + (type.map { "\"\($0.prefix(60))\"" } ?? "nothing")
            + (type == "ocr_native" ? "; tantra ocr reads images with it" : ""))
      }
      epsilon = try fields.epsilonOfSiluModel()
      endings = Set(try fields.tokens("eos_token_id"))
      beginning = try fields.tokens("bos_token_id").first
    } catch {
      throw RuntimeError(.badData, "config.json: \(error.description)")
    }
    try ShapeCheck.require(configuration: bytes, tensors: checkpoint.tensors)
    configuration = size
    let bound = try BoundTensors(checkpoint)
    self.bound = bound
    let names = Set(checkpoint.tensors.lazy.map(\.name))
    let prefix = names.contains("norm_f.weight") ? "" : "backbone."
    let name = prefix + (names.contains(prefix + "embedding.weight") ? "embedding.weight" : "embeddings.weight")
    var embeddings = try bound.matrix(name)
    // A tied head that was saved as well is the same matrix.
    let head = try size.tiesEmbeddings ? embeddings : bound.matrix("lm_head.weight")
    vision = try multimodal.map { try VisionWeights(bound, $0, epsilon: Float(epsilon)) }
    if let vision {
      // Every byte's row with that of its modality, once for all: what the head multiplies stays as it is.
      let text = vision.textModality
      let rows = try bound.values(name).enumerated().map { $1 + text[$0 % text.count] }
      embeddings = bound.matrix(of: rows, rows: embeddings.rows, columns: embeddings.columns)
    }
    stack = try MambaStack(
      bound, prefix: prefix, dimensions: size.layers, epsilon: epsilon,
      ends: MambaStack.Ends(embeddings: embeddings, head: head), widest: vision?.widest ?? 0)
  }

  /// What the kernels read; valid while this object lives.
  package var model: UnsafeMutablePointer<tantra_mamba> { stack.model }
  /// The size of the images that the model takes, (side, channels); nil if it takes none.
  package var imageSize: (side: Int, channels: Int)? { vision.map { ($0.size.imageSize, $0.size.channelCount) } }

  /// A prompt as the model expects it: to one that sees, a text is a question, which a line's end ends.
  func asked(_ text: String) -> String {
    imageSize == nil || text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"
  }

  /// Bytes that were copied.
  package var copiedByteCount: Int { bound.copiedByteCount }
  /// Whether the matrices are the checkpoint file's own pages.
  package var isMapped: Bool { bound.isMapped }
  /// Bytes of all tensors.
  package var byteCount: Int { bound.tensors.reduce(0) { $0 + $1.byteCount } }
  /// The tensors' names, dtypes and shapes.
  package var tensors: [TensorDescriptor] { bound.tensors }
}
