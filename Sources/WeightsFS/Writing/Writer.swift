import PosixIO
import StoreRecords
import Synchronization
import WeightFormats
import WeightRegistry

/// A file in the making: what one open for writing writes to. Nobody else sees its bytes before they are committed.
///
/// Whoever reads or writes the file, or commits it, holds ``turn``; `facts` guards values only and is taken after it.
final class Writer: Sendable {
  /// A copy that has cost nothing so far: `count` bytes from the beginning of a view, as `COPY_FILE_RANGE` asked, or all of
  /// what was opened to be changed.
  struct Clone: Sendable {
    var source: VersionView
    /// What was copied; nil for what was there under the file's own name.
    var node: Node?
    var count: Int
    var isWhole: Bool { count == source.byteCount }

    /// Reads it where its bytes are.
    func read(offset: Int, count: Int) throws(FileSystemError) -> [UInt8] {
      let length = max(0, min(count, self.count - offset))
      guard offset >= 0, length > 0 else { return [] }
      do throws(FormatError) {
        return try source.bytes(at: offset, count: length, what: "a copy")
      } catch {
        throw FileSystemError(StoreError(error, file: "a copy"))
      }
    }
  }

  struct Facts: Sendable {
    /// Where a close puts the file; nil after its name was unlinked.
    var place: Destination?
    var upload: Upload
    /// Whether it was opened for reading, too.
    var isReadable: Bool
    /// mtime that somebody asked for.
    var modified: Int64?
    /// Whether there is something that no close has committed or refused yet. Of a shared file only ``noteWrites()`` tells.
    var isDirty = true
    /// What a shared file was like when a close last committed or refused it.
    var settled: FileStatus?
    /// Whether the upload has been handed over: it is a blob, or a draft names it. Writing takes a fresh copy.
    var isSealed = false
    /// Whether the bytes are published as weights: writing is refused.
    var isFrozen = false
    /// Whether the caller has cut what was there: being empty is then an outcome too.
    var hasTruncated: Bool
    var clone: Clone?
    /// Why the last close was refused.
    var refusal: FileSystemError?
    /// Whether the last close was interrupted: who does not close again no longer wants the file.
    var isGivenUp = false
  }

  let number: UInt64
  let turn = Mutex<Void>(())
  let facts: Mutex<Facts>

  init(number: UInt64, place: Destination, upload: Upload, isReadable: Bool, hasTruncated: Bool) {
    self.number = number
    facts = Mutex(Facts(place: place, upload: upload, isReadable: isReadable, hasTruncated: hasTruncated))
  }

  var current: Facts { facts.withLock { $0 } }

  /// Looks whether somebody has written to a shared file since a close last dealt with it: the kernel does not tell.
  func noteWrites() throws(StoreError) {
    let facts = current
    guard facts.upload.isShared, let settled = facts.settled else { return }
    let status: FileStatus
    do throws(PosixError) { status = try facts.upload.file.status() } catch { throw StoreError(error) }
    guard (status.size, status.modified) != (settled.size, settled.modified) else { return }
    self.facts.withLock { facts in
      facts.isDirty = true
      facts.isGivenUp = false
      facts.refusal = nil
      facts.settled = nil
    }
  }

  /// Notes that a close has dealt with all that was written so far: committed it, or refused it.
  func settle(refusal: FileSystemError? = nil) throws(StoreError) {
    let upload = current.upload
    var status: FileStatus?
    if upload.isShared {
      do throws(PosixError) { status = try upload.file.status() } catch { throw StoreError(error) }
    }
    facts.withLock { facts in
      facts.isDirty = false
      facts.isGivenUp = false
      facts.refusal = refusal
      facts.settled = status
    }
  }

  /// Bytes of the file now.
  func byteCount() throws(StoreError) -> Int {
    let facts = current
    return if let clone = facts.clone { clone.count } else { try uploadByteCount() }
  }

  /// Bytes that are in the staging folder.
  func uploadByteCount() throws(StoreError) -> Int {
    do throws(PosixError) { return try current.upload.file.status().size } catch { throw StoreError(error) }
  }

  /// mtime that a commit gives the file.
  func modified() throws(StoreError) -> Int64 {
    let facts = current
    if let modified = facts.modified { return modified }
    do throws(PosixError) { return try facts.upload.file.status().modified } catch { throw StoreError(error) }
  }
}
