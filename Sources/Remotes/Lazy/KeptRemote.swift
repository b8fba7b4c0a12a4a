import Glibc
import PosixIO
import StoreRecords
import Tensors

/// A remote of which small things are kept: manifests, records, lists of chunks, signatures. With them a version can be mounted
/// while the remote is away. What is kept is compared with its digest whenever it is used.
final class KeptRemote: RemoteStore {
  /// Bytes of what is kept, at most.
  private static let byteLimit = 64 << 20

  private let place: RemotePlace
  private let folder: Folder

  /// - Parameter folder: where things are kept.
  init(_ place: RemotePlace, in folder: Folder) {
    self.place = place
    self.folder = folder
  }

  var name: String { place.name }

  private func kept(_ digest: Digest, limit: Int) throws(StoreError) -> [UInt8]? {
    guard try posix(try folder.status(of: digest.hexadecimal))?.kind == .regular else { return nil }
    do throws(PosixError) {
      let bytes = try folder.contents(of: digest.hexadecimal, limit: limit)
      return Digest(of: bytes) == digest ? bytes : nil
    } catch {
      return nil
    }
  }

  private func keep(_ bytes: [UInt8], _ digest: Digest) throws(StoreError) {
    // What is not what it should be is for the caller to refuse.
    guard Digest(of: bytes) == digest else { return }
    try posix(try folder.replace(digest.hexadecimal, with: bytes, staging: folder))
  }

  func manifest(_ digest: Digest, unless interruption: Interruption) throws(StoreError) -> [UInt8] {
    if let known = try kept(digest, limit: ArtifactManifest.byteLimit) { return known }
    let bytes = try place.open().manifest(digest, unless: interruption)
    try keep(bytes, digest)
    return bytes
  }

  func read(
    _ blob: RemoteBlob, _ range: Range<Int>, through buffer: UnsafeMutableRawBufferPointer,
    unless interruption: Interruption, _ take: @escaping (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    let isKept = range == 0..<blob.byteCount && range.count <= min(buffer.count, Self.byteLimit)
    if isKept, let known = try kept(blob.digest, limit: blob.byteCount), known.count == range.count {
      buffer.copyBytes(from: known)
      return try take(UnsafeRawBufferPointer(rebasing: buffer[..<range.count]))
    }
    try place.open().read(blob, range, through: buffer, unless: interruption) { [self] (piece) throws(StoreError) in
      if isKept { try keep(Array(piece), blob.digest) }
      try take(piece)
    }
  }

  func digest(of tag: String, unless interruption: Interruption) throws(StoreError) -> Digest? {
    try place.open().digest(of: tag, unless: interruption)
  }

  func tags(unless interruption: Interruption) throws(StoreError) -> [String] {
    try place.open().tags(unless: interruption)
  }

  func contains(_ blob: RemoteBlob, unless interruption: Interruption) throws(StoreError) -> Bool {
    try place.open().contains(blob, unless: interruption)
  }

  // MARK: Writing

  private var readOnly: StoreError { StoreError(.readOnly, "\(name) is mounted, and only read") }

  func write(
    _ blob: RemoteBlob, _ content: LayerContent, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) -> Int { throw readOnly }

  func setTag(_ tag: String, to manifest: [UInt8], unless interruption: Interruption) throws(StoreError) {
    throw readOnly
  }
}
