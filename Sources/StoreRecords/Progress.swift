package import PosixIO
import Synchronization

/// How far a long operation has come; answers whether to go on. Called from several threads.
package typealias ProgressHandler = @Sendable (_ phase: ProgressPhase, _ done: Int, _ total: Int) -> Bool

/// What a long operation is doing, for a progress bar.
package enum ProgressPhase: String, Sendable {
  /// Waits for its turn. Nothing is counted.
  case waiting
  case importing, copying, checking, exporting, comparing, indexing
  /// Of a purge: manifests are read, folders of blobs swept, and bytes of packs compacted.
  case reading, sweeping, compacting
  /// To and from a remote.
  case sending, fetching
  /// Blobs are compressed, or taken back.
  case compressing, thawing

  /// Whether it counts bytes, rather than things.
  package var countsBytes: Bool {
    switch self {
    case .importing, .copying, .checking, .exporting, .comparing, .compacting, .sending, .fetching, .compressing,
      .thawing:
      true
    case .waiting, .indexing, .reading, .sweeping: false
    }
  }
}

/// Tells a progress handler of bytes that are done; what it returns may be called from several threads.
package func counting(
  _ phase: ProgressPhase, of total: Int, _ progress: @escaping ProgressHandler
) -> @Sendable (_ bytes: Int) -> Bool {
  let done = Atomic(0)
  return { bytes in progress(phase, min(done.add(bytes, ordering: .relaxed).newValue, total), total) }
}

extension Interruption {
  /// Asks a progress handler whether to go on.
  package init(_ progress: @escaping ProgressHandler) { self.init { !progress(.waiting, 0, 0) } }
}
