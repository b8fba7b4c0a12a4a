import Dispatch
import Glibc

/// The `.control` folder of a store that another process has mounted.
package struct ControlFolder: Sendable {
  private let path: String

  package init(mountpoint: String) { path = mountpoint + "/.control" }

  /// What came of a request: its report, and the errno that the write got (0 for success).
  package struct Answer: Sendable, Hashable {
    package var report: String
    package var errno: CInt
  }

  /// Whether the mount answers within `seconds`. A daemon that hangs keeps the thread that asks it until it answers.
  package func answers(within seconds: Int) -> Bool {
    let file = path + "/status"
    let answered = DispatchSemaphore(value: 0)
    let thread = DispatchQueue(label: "tantra.probe")
    thread.async {
      let descriptor = open(file, O_RDONLY | O_CLOEXEC)
      if descriptor >= 0 { close(descriptor) }
      answered.signal()
    }
    return answered.wait(timeout: .now() + .seconds(seconds)) == .success
  }

  /// Writes a request to a control file and reads its report through the same handle.
  ///
  /// - Throws: if the file cannot be opened.
  package func request(_ control: String, _ text: String) throws(RegistryError) -> Answer {
    let file = "\(path)/\(control)"
    let descriptor = open(file, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw RegistryError(
        code == EACCES || code == EPERM || code == EROFS ? .readOnly : .locked,
        "\(file): \(String(cString: strerror(code))); nothing was changed")
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

  /// Makes a request that has to succeed.
  ///
  /// - Parameters:
  ///   - hasHeading: whether its report begins with a line that says when, for whom and what.
  ///   - accepted: an errno that comes with a report, too.
  /// - Returns: the report without that line.
  /// - Throws: what the registry behind the mount has thrown, as far as an errno tells.
  package func perform(
    _ control: String, _ text: String, hasHeading: Bool = true, accepting accepted: CInt = 0
  ) throws(RegistryError) -> String {
    let answer = try request(control, text)
    guard answer.errno == 0 || answer.errno == accepted else {
      throw RegistryError(Self.code(of: answer.errno), String(answer.report.trimmingLineEnd))
    }
    guard hasHeading else { return answer.report }
    return String(answer.report.drop { $0 != "\n" }.dropFirst())
  }

  private static func code(of errno: CInt) -> RegistryError.Code {
    switch errno {
    case ENOENT: .unknownVersion
    case EINVAL: .invalidName
    case EEXIST: .alreadyExists
    case EBUSY: .inUse
    case EIO, EBADMSG: .damaged
    case EACCES, EPERM, EROFS: .readOnly
    case EINTR: .interrupted
    default: .system(errno: errno)
    }
  }
}

extension StringProtocol {
  /// The text up to its last newline, if it ends with one.
  fileprivate var trimmingLineEnd: SubSequence { last == "\n" ? dropLast() : self[...] }
}
