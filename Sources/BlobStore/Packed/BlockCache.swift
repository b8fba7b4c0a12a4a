import Synchronization

/// Decoded blocks that somebody read only a part of: the next reader often wants the rest. 8 MiB of them.
final class BlockCache: Sendable {
  private struct Key: Hashable {
    var file: ObjectIdentifier
    var block: Int
  }

  private struct State: Sendable {
    var blocks: [Key: (bytes: [UInt8], lastUse: UInt64)] = [:]
    var clock: UInt64 = 0
  }

  /// How many blocks are kept.
  private static let capacity = (8 << 20) / BlockEncoder.blockByteCount
  private let state = Mutex(State())

  /// A block of a file that is open; nil if it is not kept.
  subscript(file: PackedBytes, block: Int) -> [UInt8]? {
    get {
      state.withLock { state in
        let key = Key(file: ObjectIdentifier(file), block: block)
        guard let found = state.blocks[key] else { return nil }
        state.clock += 1
        state.blocks[key]?.lastUse = state.clock
        return found.bytes
      }
    }
    set {
      guard let newValue else { return }
      state.withLock { state in
        if state.blocks.count >= Self.capacity,
          let oldest = state.blocks.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
          state.blocks[oldest.key] = nil
        }
        state.clock += 1
        state.blocks[Key(file: ObjectIdentifier(file), block: block)] = (newValue, state.clock)
      }
    }
  }

  /// Forgets the blocks of a file that is closed.
  func forget(_ file: ObjectIdentifier) {
    state.withLock { state in
      if !state.blocks.isEmpty { state.blocks = state.blocks.filter { $0.key.file != file } }
    }
  }
}
