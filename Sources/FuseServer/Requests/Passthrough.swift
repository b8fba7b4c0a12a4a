import CFuse
import Glibc
import Synchronization
import WeightsFS

/// How each open file is served: by the kernel, which reads a backing file itself and asks nobody, or by this process.
///
/// The kernel wants one way for all opens of an inode at a time, and one backing file: the first open decides, and those
/// that come while one is left follow it.
final class Passthrough: Sendable {
  private enum Way {
    /// The backing file by the number that the kernel gave it.
    case backed(CInt, opens: Int)
    case served(opens: Int)
  }

  private struct State {
    var session: FuseSession?
    var ways: [InodeNumber: Way] = [:]
    /// Only what was opened by ``begin(_:of:backing:)`` ends.
    var inodes: [HandleNumber: InodeNumber] = [:]
  }

  // Registering a backing file is a call that never waits; it has to be one with the decision.
  private let state = Mutex(State())

  /// From now on files may be passed through. Called once, if the kernel has agreed to it.
  func start(_ session: FuseSession) { state.withLock { $0.session = session } }

  /// No file is passed through any more.
  func stop() { state.withLock { $0.session = nil } }

  /// Decides how an open is served, until ``end(_:)``.
  ///
  /// - Parameter descriptor: a file with exactly the bytes of the inode; nil if there is none.
  /// - Returns: the backing file's number; nil if this process serves.
  func begin(_ handle: HandleNumber, of inode: InodeNumber, backing descriptor: CInt?) -> CInt? {
    state.withLock { state in
      state.inodes[handle] = inode
      switch state.ways[inode] {
      case .backed(let id, let opens):
        state.ways[inode] = .backed(id, opens: opens + 1)
        return id
      case .served(let opens): state.ways[inode] = .served(opens: opens + 1)
      case nil:
        if let descriptor, let session = state.session {
          let id = session.registerBacking(descriptor)
          if id > 0 {
            state.ways[inode] = .backed(id, opens: 1)
            return id
          }
          // EPERM: without CAP_SYS_ADMIN. ELOOP: the store is on a stack of file systems that is too high. Neither changes.
          if id == -EPERM || id == -ELOOP { state.session = nil }
        }
        state.ways[inode] = .served(opens: 1)
      }
      return nil
    }
  }

  /// An open that was begun is over.
  func end(_ handle: HandleNumber) {
    state.withLock { state in
      guard let inode = state.inodes.removeValue(forKey: handle) else { return }
      switch state.ways[inode] {
      case .backed(let id, let opens):
        state.ways[inode] = opens > 1 ? .backed(id, opens: opens - 1) : nil
        if opens == 1 { state.session?.withdrawBacking(id) }
      case .served(let opens): state.ways[inode] = opens > 1 ? .served(opens: opens - 1) : nil
      case nil: break
      }
    }
  }
}
