import Synchronization
import Tensors

/// Chunks that came and found no place in the cache: in memory, for those who wait for them; a few.
final class LooseChunks: Sendable {
  struct Key: Hashable, Sendable {
    var blob: Digest
    var chunk: Int
  }

  private struct State: Sendable {
    var chunks: [Key: [UInt8]] = [:]
    var order: [Key] = []
  }

  private static let limit = 24
  private let state = Mutex(State())

  func insert(_ bytes: [UInt8], at key: Key) {
    state.withLock { state in
      if state.chunks.updateValue(bytes, forKey: key) == nil { state.order.append(key) }
      while state.order.count > Self.limit { state.chunks[state.order.removeFirst()] = nil }
    }
  }

  /// The bytes of a chunk; nil if they are not here.
  subscript(key: Key) -> [UInt8]? { state.withLock { $0.chunks[key] } }
}
