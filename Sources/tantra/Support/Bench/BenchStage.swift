import FoundationEssentials
import FuseServer
import Glibc
import PosixIO
import StoreClient
import StoreRecords
import WeightRegistry

/// Where everything is measured: a store with one model, a mount of it, and plain files to compare with.
///
/// The native side of a line that reads is the blob itself, in the store: the same bytes on the same disk.
final class BenchStage {
  let rounds: Int
  let progress: BenchProgress
  let folder: BenchFolder
  let model: BenchModelFile
  /// Where the mount shows the version: `model.safetensors` as written, `model.pt` and `model.bin` synthesized.
  let versionPath: String
  /// The file behind `model.safetensors`.
  let blobPath: String
  /// A safetensors file outside of the store, of which no tensor is in it.
  let plainPath: String
  let mount: BenchMount
  /// Whether the kernel tells what is cached.
  let countsCache: Bool
  private(set) var coldMethod: PageCache.Method?
  private let pythonPath: String?
  private var startedPython: Result<PythonWorker, BenchLine.Skipped>?
  private var versionNumber = 0

  static let formats = ["safetensors", "pt", "bin"]
  private static let modelName = "bench"

  /// Makes store and mount in `folder`.
  init(in folder: BenchFolder, byteCount: Int, rounds: Int, python: String?, progress: BenchProgress) throws {
    self.rounds = rounds
    self.progress = progress
    self.folder = folder
    pythonPath = python
    let storePath = folder("store")
    model = BenchModelFile(byteCount: byteCount)
    plainPath = folder("plain.safetensors")
    progress.preparing("writing a model of \(Console.size(model.byteCount))")
    try model.write(to: plainPath)
    progress.preparing("importing it")
    try Interruption.check()
    try ChildProgram(
      "/proc/self/exe",
      ["import", plainPath, "--model", Self.modelName, "--version", "v1.0", "--store", storePath],
      name: "tantra"
    ).succeed()
    try model.renew(plainPath, number: 1)
    blobPath = try Self.largestFile(below: storePath + "/weights")
    mount = try BenchMount(
      storePath: storePath, mountpoint: folder("mount"), logPath: folder("daemon.log"))
    versionPath = "\(mount.mountpoint)/\(Self.modelName)/v1.0"
    countsCache = PageCache.canCount(at: blobPath)
  }

  private static func largestFile(below path: String) throws -> String {
    var largest = (path: "", size: -1)
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      if Int(status.st_size) > largest.size { largest = ("\(path)/\(name)", Int(status.st_size)) }
    }
    guard largest.size > 0 else { throw CommandFailure(.failed, "\(path) holds no blob") }
    return largest.path
  }

  /// Ends Python, mount and daemon; the folder stays.
  func end() throws {
    if case .success(let python) = startedPython { python.end() }
    startedPython = nil
    try mount.end()
  }

  func view(_ format: String) -> String { "\(versionPath)/model.\(format)" }

  /// Makes reads from the disk out of those of the blob and of all views.
  func makeCold() throws {
    let method = try PageCache.drop(blobPath, views: Self.formats.map(view))
    if coldMethod != .everything { coldMethod = method }
  }

  /// Forgets what the lines before have cached: how pages came into memory decides how fast they are.
  func forget() throws { try PageCache.forget(blobPath, views: Self.formats.map(view)) }

  /// Makes the daemon's reads come from memory, and those of a view from the daemon.
  func makeFirst(_ format: String) throws {
    try PageCache.warm(blobPath)
    try OpenedFile.open(view(format)).dropCache()
  }

  /// Puts a view wherever reading it so often puts it, and only that: how pages came, and how often they were read
  /// already, decides how fast they are.
  func makeRead(_ format: String, times: Int) throws {
    try makeFirst(format)
    for _ in 0..<times { _ = try FileReader.readThrough(view(format)) }
  }

  /// The same for a file that is not of the mount.
  func makeRead(plain path: String, times: Int) throws {
    try OpenedFile.open(path).dropCache()
    for _ in 0..<times { _ = try FileReader.readThrough(path) }
  }

  /// The Python that has torch, started when it is first needed. Throws ``BenchLine/Skipped`` where there is none.
  func python() throws -> PythonWorker {
    if let startedPython { return try startedPython.get() }
    do {
      let worker = try PythonWorker(pythonPath)
      startedPython = .success(worker)
      return worker
    } catch let error as BenchLine.Skipped {
      startedPython = .failure(error)
      throw error
    }
  }

  /// The versions of Python and torch, if they were used.
  var pythonDescription: String? {
    guard case .success(let python) = startedPython else { return nil }
    return python.description
  }

  /// What `model.pt` shows, as a file outside of the mount; made when it is first needed.
  func plainTorchPath() throws -> String {
    let path = folder("plain.pt")
    if access(path, F_OK) == 0 { return path }
    let partial = folder("partial.pt")
    try ChildProgram.run("cp", [view("pt"), partial])
    try ChildProgram.run("sync", [partial])
    guard rename(partial, path) == 0 else {
      throw CommandFailure(.inputOutput, "\(path): \(String(cString: strerror(errno)))")
    }
    return path
  }

  // MARK: Versions that come and go

  /// Makes the folder of a new version, and all tensors of the plain file new to the store: the folder.
  func makeVersion() throws -> String {
    versionNumber += 1
    try model.renew(plainPath, number: 1 + versionNumber)
    try PageCache.warm(plainPath)
    let path = "\(mount.mountpoint)/\(Self.modelName)/v2.\(versionNumber)"
    guard mkdir(path, 0o755) == 0 else {
      throw CommandFailure(.inputOutput, "\(path): \(String(cString: strerror(errno)))")
    }
    return path
  }

  /// Forgets a version that ``makeVersion()`` began, and frees its space.
  func removeVersion(_ path: String) throws {
    try ChildProgram.run("rm", ["-r", path])
    let model = try ModelName(validating: Self.modelName)
    _ = try ControlFolder(mountpoint: mount.mountpoint).send(.purge(model: model, version: nil, olderThan: 0))
  }
}
