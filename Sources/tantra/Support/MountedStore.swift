import FuseServer
import Glibc
import WeightRegistry

/// A store that another process has mounted: requests go through its `.control` folder.
struct MountedStore {
  private let holder: LockHolder
  private let mountpoint: String

  /// - Throws: if the holder has no mount, or its mount does not answer within 5 seconds; nothing has changed then.
  init(_ holder: LockHolder) throws {
    guard let mountpoint = holder.mountpoint else {
      throw CommandFailure(.inUse, "the store is in use by \(holder); try again when it has ended")
    }
    switch try MountHealth.probe(mountpoint, limit: .seconds(5)) {
    case .alive: break
    case .dead, .unresponsive, .unknown:
      throw CommandFailure(
        .inUse, "the store is in use by \(holder), and that mount does not answer; nothing was changed")
    }
    self.holder = holder
    self.mountpoint = mountpoint
  }

  /// What came of a request: its report, and the errno that the write got (0 for success).
  struct Answer {
    var report: String
    var errno: CInt
  }

  /// Writes a request to a control file and reads its report through the same handle.
  func request(_ control: String, _ text: String) throws(CommandFailure) -> Answer {
    let path = "\(mountpoint)/.control/\(control)"
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      let reason = String(cString: strerror(errno))
      throw CommandFailure(
        errno == EACCES || errno == EPERM ? .notPermitted : .inUse,
        "\(path): \(reason); the store is in use by \(holder), and nothing was changed")
    }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    let code = write(descriptor, bytes, bytes.count) < 0 ? errno : 0
    var report: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, off_t(report.count))
      if count <= 0 { break }
      report += buffer[..<count]
    }
    return Answer(report: String(decoding: report, as: UTF8.self), errno: code)
  }
}

extension MountedStore {
  /// Makes a request that has to succeed, and answers with its report.
  func succeed(_ control: String, _ text: String) throws(CommandFailure) -> String {
    let answer = try request(control, text)
    switch answer.errno {
    case 0: return answer.report
    case ENOENT: throw CommandFailure(.noInput, answer.report.trimmedLine)
    case EACCES, EPERM, EROFS: throw CommandFailure(.notPermitted, answer.report.trimmedLine)
    default: throw CommandFailure(.failed, answer.report.trimmedLine)
    }
  }
}

extension String {
  /// The text up to its last newline, if it ends with one.
  var trimmedLine: String { hasSuffix("\n") ? String(dropLast()) : self }
}

extension StoreOptions {
  /// Changes the store: directly, or through the mount of whoever holds it.
  func act<R>(
    directly: (WeightRegistry) throws -> R, throughMount: (MountedStore) throws -> R
  ) throws -> R {
    let reader = try openForReading()
    do {
      return try directly(try openForWriting())
    } catch let error as RegistryError {
      guard case .locked = error.code, let holder = reader.store.lockHolder() else { throw error }
      return try throughMount(try MountedStore(holder))
    }
  }
}
