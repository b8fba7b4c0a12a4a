import Synchronization
import Tensors

/// The model that somebody has asked for last: whoever looks a file up opens it next, and its tokenizer need not be read again then.
final class LastModel: Sendable {
  /// Larger ones are not kept, in bytes.
  private static let byteLimit = 16 << 20

  private let last = Mutex<(content: Digest, model: GGUFModel)?>(nil)

  /// The model of a content; nil if another was asked for last.
  subscript(content: Digest) -> GGUFModel? {
    last.withLock { last in last.flatMap { $0.content == content ? $0.model : nil } }
  }

  func keep(_ model: GGUFModel, of content: Digest) {
    if model.memoryByteCount > Self.byteLimit { return }
    last.withLock { $0 = (content, model) }
  }
}
