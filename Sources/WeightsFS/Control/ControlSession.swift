import Synchronization
import WeightRegistry

/// An open control file: what its reader sees, and where its writer's report goes.
final class ControlSession: OpenHandle {
  /// Requests are short: a longer write is a mistake.
  private static let requestLimit = 4096

  let file: any ControlFile
  /// nil until somebody reads: who only writes a request does not wait for what the file has to count.
  private let content = Mutex<[UInt8]?>(nil)

  init(file: any ControlFile) { self.file = file }

  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    try content.withLock { content throws(FileSystemError) in
      let bytes = if let content { content } else { try file.contents() }
      content = bytes
      return [.bytes(bytes.slice(offset: offset, count: count))]
    }
  }

  /// Acts on a request; its report replaces what is read through this handle.
  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard bytes.count <= Self.requestLimit, let text = String(validating: bytes, as: UTF8.self) else {
      throw FileSystemError(
        .invalid, ".control/\(file.name): a request is a line of at most \(Self.requestLimit) bytes of text")
    }
    let request = text.trimmed
    guard !request.isEmpty else { return }
    do throws(ControlFailure) {
      replace(try file.perform(request, by: caller, isInterrupted: isInterrupted))
    } catch {
      replace(error.report)
      var failure = error.error
      failure.reason = ".control/\(file.name) \(request): \(failure.reason)"
      throw failure
    }
  }

  private func replace(_ report: [UInt8]) { content.withLock { $0 = report } }
}

extension String {
  /// The text without white space at its ends.
  fileprivate var trimmed: String {
    let body = drop { $0.isWhitespace }
    guard let last = body.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(body[...last])
  }
}

extension [UInt8] {
  /// The bytes from `offset`, at most `count`; empty outside.
  func slice(offset: Int, count: Int) -> ArraySlice<UInt8> {
    guard offset >= 0, count > 0, offset < self.count else { return [] }
    return self[offset..<offset + Swift.min(count, self.count - offset)]
  }
}
