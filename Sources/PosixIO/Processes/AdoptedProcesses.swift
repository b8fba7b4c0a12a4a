import CPosix
import Glibc
import Synchronization

/// Processes that have asked for this one and become its children, if it is one that adopts: the first of a container, or a
/// subreaper. Each stays as a zombie until it is waited for.
enum AdoptedProcesses {
  private static let waiting = Mutex<[pid_t]>([])

  /// Notes a process that ends soon.
  static func add(_ process: pid_t) {
    guard tantra_adopts_processes() else { return }
    waiting.withLock { $0.append(process) }
  }

  /// Takes away those that have ended; waits for none.
  static func reap() {
    waiting.withLock { $0.removeAll { waitpid($0, nil, WNOHANG) != 0 } }
  }
}
