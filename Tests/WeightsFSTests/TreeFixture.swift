import BlobStore
import Foundation
import Logging
import StoreRecords
import TestSupport
import WeightRegistry
import WeightsFS

/// A tree over a small store, walked without a kernel.
struct TreeFixture {
  let tree: WeightsFileSystem
  let registry: WeightRegistry
  /// Last, so that it goes last: the registry lets go of frozen files first.
  let scratch: TemporaryFolder
  let caller = Caller(uid: 0, gid: 0, pid: 1)
  /// Somebody who makes nothing, and finds everything.
  private let onlooker = Caller(uid: 0, gid: 0, pid: .max)

  /// `mamba` v1.0 (active) with a config.json and vocab/merges.txt, and v1.1.
  init() throws {
    scratch = try TemporaryFolder()
    let events = EventLog()
    let logger = Logger(label: "test") { _ in EventLogHandler(events) }
    registry = try WeightRegistry(storePath: scratch("store"), access: .writing(), logger: logger)
    let config = try scratch.write("config.json", Array("{}\n".utf8))
    let merges = try scratch.write("merges.txt", Array("a b\n".utf8))
    for (version, bias) in [("v1.0", Float(1)), ("v1.1", 2)] {
      let source = try scratch.write("upload.safetensors", try SmallWeights.example(bias: bias).safetensors())
      try registry.importing(
        ImportRequest(
          model: try ModelName(validating: "mamba"), version: try VersionName(validating: version), source: source,
          view: "safetensors",
          files: version == "v1.0"
            ? [.init(source: config, path: "config.json"), .init(source: merges, path: "vocab/merges.txt")] : []))
    }
    tree = WeightsFileSystem(registry: registry, events: events, logger: logger)
  }

  /// A fixture on what this one's store holds, as after a crash: this process gives up its lock only with the last of its
  /// references, so that the store is copied.
  func reopened() throws -> TreeFixture { try TreeFixture(copying: self) }

  private init(copying other: TreeFixture) throws {
    scratch = try TemporaryFolder()
    // What was closed last may be on its way to becoming a blob; what is unfinished stays as it is.
    _ = try eventually(within: 2) {
      let staged = try FileManager.default.contentsOfDirectory(atPath: other.scratch("store/.staging"))
      return !staged.contains { $0.hasPrefix("upload.") }
    }
    try FileManager.default.copyItem(atPath: other.scratch("store"), toPath: scratch("store"))
    let events = EventLog()
    let logger = Logger(label: "test") { _ in EventLogHandler(events) }
    registry = try WeightRegistry(storePath: scratch("store"), access: .writing(), logger: logger)
    tree = WeightsFileSystem(registry: registry, events: events, logger: logger)
  }

  /// Walks a path of names from the root, links not followed.
  func inode(_ path: String) throws -> InodeNumber {
    var inode = InodeNumber.root
    for name in path.split(separator: "/") {
      inode = try tree.lookup(String(name), in: inode, caller: onlooker).attributes.inode
    }
    return inode
  }

  func names(_ path: String) throws -> [String] {
    let handle = try tree.openDirectory(try inode(path))
    defer { tree.releaseDirectory(handle) }
    return try tree.readDirectory(handle, from: 0).map(\.name)
  }

  func open(_ path: String, writes: Bool = false) throws -> OpenFile {
    try tree.open(
      try inode(path), OpenAccess(reads: true, writes: writes, truncates: false, caller: caller))
  }

  /// The whole content of a file, read in one request of 1 MiB.
  func contents(_ path: String) throws -> [UInt8] {
    let file = try open(path)
    defer { tree.release(file.handle) }
    return try contents(of: file.handle)
  }

  /// - Parameter other: another tree than this one's.
  func contents(of handle: HandleNumber, in other: WeightsFileSystem? = nil) throws -> [UInt8] {
    try (other ?? tree).read(handle, offset: 0, count: 1 << 20).flatMap { piece -> [UInt8] in
      switch piece {
      case .bytes(let bytes): Array(bytes)
      case .stored(let stored, let range):
        Array(try stored.contents(limit: 1 << 30)[range])
      }
    }
  }

  /// Writes a request through a handle that is open for reading and writing; answers with its report.
  func request(_ control: String, _ text: String) throws -> String {
    let file = try open(".control/\(control)", writes: true)
    defer { tree.release(file.handle) }
    _ = try Array(text.utf8).withUnsafeBytes { bytes in
      try tree.write(file.handle, offset: 0, bytes: bytes, caller: caller) { false }
    }
    return String(decoding: try contents(of: file.handle), as: UTF8.self)
  }
}
