import Glibc
import PosixIO
import StoreRecords
import SystemPackage
import Tensors
import WeightFormats

import struct Crypto.SHA256

/// An OCI image layout in a folder: `oci-layout`, `index.json` and `blobs/sha256/<64 hexadecimal digits>`. skopeo reads and writes
/// the same under `oci:`.
final class LayoutFolder: RemoteStore {
  private static let markName = "oci-layout"
  private static let indexName = "index.json"
  /// Whoever changes `index.json` holds it.
  private static let lockName = ".tantra-lock"

  let name: String
  private let root: Folder
  private let blobs: Folder

  /// - Parameter creating: whether a layout is made where there is none.
  /// - Throws: `noStore` if there is none.
  init(_ path: String, creating: Bool) throws(StoreError) {
    name = "oci:" + path
    do throws(PosixError) {
      root = creating ? try Folder.make(path) : try Folder.open(path)
      if try root.status(of: Self.markName) == nil {
        guard creating, try root.names().allSatisfy({ $0 == Self.lockName || $0 == "blobs" }) else {
          throw PosixError(.noSuchFileOrDirectory, call: "open", path: path)
        }
        blobs = try root.makeFolder("blobs").makeFolder("sha256")
        try root.replace(Self.markName, with: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8), staging: root)
      } else {
        blobs = creating ? try root.makeFolder("blobs").makeFolder("sha256") : try root.folder("blobs").folder("sha256")
      }
    } catch {
      guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw StoreError(error) }
      throw StoreError(
        .noStore,
        "\(path) is no OCI image layout: "
          + (creating ? "it holds other files; name a new or an empty folder" : "it has no \(Self.markName) and blobs"))
    }
    struct Mark: Decodable { var imageLayoutVersion: String }
    let mark = try StoreCoding.decode(
      Mark.self, from: try posix(try root.contents(of: Self.markName, limit: 1 << 16)), what: "\(path)/\(Self.markName)"
    )
    guard mark.imageLayoutVersion.hasPrefix("1.") else {
      throw StoreError(
        .newerFormat, "\(path) is an OCI image layout of version \(mark.imageLayoutVersion), which is not known here")
    }
  }

  // MARK: Tags

  private func index() throws(StoreError) -> LayoutIndex {
    guard try posix(try root.status(of: Self.indexName)) != nil else { return LayoutIndex() }
    return try LayoutIndex(
      try posix(try root.contents(of: Self.indexName, limit: LayoutIndex.byteLimit)), of: name)
  }

  func digest(of tag: String, unless interruption: Interruption) throws(StoreError) -> Digest? {
    try index().digest(of: tag, name: name)
  }

  func tags(unless interruption: Interruption) throws(StoreError) -> [String] { try index().tags }

  func setTag(_ tag: String, to manifest: [UInt8], unless interruption: Interruption) throws(StoreError) {
    let blob = RemoteBlob(of: manifest)
    if try !contains(blob, unless: interruption) { _ = try write(blob, .bytes(manifest)) { _ in true } }
    let lock = try lock(unless: interruption)
    defer { withExtendedLifetime(lock) {} }
    var index = try index()
    if try index.digest(of: tag, name: name) == blob.digest { return }
    index.set(tag, to: blob)
    let bytes = try index.encoded()
    try posix(try root.replace(Self.indexName, with: bytes, staging: root))
  }

  /// Waits until nobody else changes the tags.
  private func lock(unless interruption: Interruption) throws(StoreError) -> FileLock {
    while true {
      let holder = "pid \(getpid())\n"
      if let lock = try posix(try FileLock.acquire(Self.lockName, in: root, description: holder)) { return lock }
      try posix(try interruption.check("flock", name))
      usleep(20_000)
    }
  }

  // MARK: Blobs

  func manifest(_ digest: Digest, unless interruption: Interruption) throws(StoreError) -> [UInt8] {
    do throws(PosixError) {
      return try blobs.contents(of: digest.hexadecimal, limit: ArtifactManifest.byteLimit)
    } catch {
      throw failure(digest, error)
    }
  }

  func contains(_ blob: RemoteBlob, unless interruption: Interruption) throws(StoreError) -> Bool {
    let status = try posix(try blobs.status(of: blob.digest.hexadecimal))
    return status?.kind == .regular && status?.size == blob.byteCount
  }

  func read(
    _ blob: RemoteBlob, _ range: Range<Int>, through buffer: UnsafeMutableRawBufferPointer,
    unless interruption: Interruption, _ take: @escaping (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: buffer.count) {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(range.upperBound - start))
      let found: Int
      do throws(PosixError) {
        try interruption.check("read", name)
        found = try blobs.file(blob.digest.hexadecimal).read(at: start, into: piece)
      } catch {
        throw failure(blob.digest, error)
      }
      guard found == piece.count else {
        throw StoreError(
          .damaged,
          "\(name): the blob \(OCIDigest(blob.digest)) is cut off: it has fewer than \(blob.byteCount) bytes")
      }
      try take(UnsafeRawBufferPointer(piece))
    }
  }

  private func failure(_ digest: Digest, _ error: PosixError) -> StoreError {
    switch error.errno {
    case .noSuchFileOrDirectory:
      StoreError(.damaged, "\(name) lacks the blob \(OCIDigest(digest)), which is named there")
    case .fileTooLarge:
      StoreError(
        .unacceptable(.unsupported),
        "\(name): the manifest \(OCIDigest(digest)) has more than \(ArtifactManifest.byteLimit) bytes, the most that "
          + "registries take")
    case .tooManySymbolicLinkLevels, .invalidArgument, .isDirectory:
      StoreError(.damaged, "\(name): the blob \(OCIDigest(digest)) is no regular file")
    default: StoreError(error)
    }
  }

  func write(
    _ blob: RemoteBlob, _ content: LayerContent, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) -> Int {
    let temporary = ".tantra-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    let file = try posix(try blobs.makeFile(temporary, exclusively: true))
    do throws(StoreError) {
      var hasher = SHA256()
      try content.forEachChunk { (offset, chunk) throws(StoreError) in
        hasher.update(bufferPointer: chunk)
        try posix(try file.write(chunk, at: offset))
        guard progress(chunk.count) else { throw StoreError(.interrupted, "stopped") }
      }
      guard Digest(hasher.finalize()) == blob.digest else {
        throw StoreError(
          .damaged, "what was to be sent is not what it was a moment ago; nothing was published: run tantra validate")
      }
      try posix(try file.synchronize(unless: { !progress(0) }))
      try posix(try blobs.rename(temporary, to: blob.digest.hexadecimal, in: blobs))
      try posix(try blobs.synchronize())
      return 0
    } catch {
      do throws(PosixError) { try blobs.removeFile(temporary) } catch {
        // Nobody knows the name: it only takes space.
      }
      throw error
    }
  }
}
