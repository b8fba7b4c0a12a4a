import FoundationEssentials
import Glibc
import PosixIO
import StoreClient
import StoreRecords
import Tensors

/// Where everything is measured: a store with one model, a mount of it, and plain files to compare with.
///
/// The native side of a line that reads is the blob itself, in the store: the same bytes on the same disk.
final class BenchStage {
  let rounds: Int
  let progress: BenchProgress
  let folder: BenchFolder
  let model: BenchModelFile
  let stop: StopCheck
  let programs: Programs
  let reader: FileReader
  let cache: PageCache
  /// Where the mount shows the version: `model.safetensors` as written, `model.pt` and `model.bin` synthesized.
  let versionPath: String
  /// The file behind `model.safetensors`.
  let blobPath: String
  /// A safetensors file outside of the store, of which no tensor is in it.
  let plainPath: String
  let mount: BenchMount
  /// Whether the kernel tells what is cached.
  let countsCache: Bool
  private(set) var coldMethod: ColdMethod?
  private let pythonPath: String?
  private var madeCompressed: CompressedCopy?
  private var startedPython: Result<PythonWorker, BenchLine.Skipped>?
  private var versionNumber = 0

  static let formats = ["safetensors", "pt", "bin"]
  private static let modelName = "bench"

  /// Makes store and mount in `folder`.
  init(_ run: BenchRun, in folder: BenchFolder, progress: BenchProgress, unless stop: StopCheck) throws {
    rounds = run.rounds
    pythonPath = run.python
    self.progress = progress
    self.folder = folder
    self.stop = stop
    programs = Programs(stop: stop)
    reader = FileReader(stop: stop)
    cache = PageCache(reader: reader)
    let storePath = folder("store")
    model = BenchModelFile(byteCount: run.byteCount)
    plainPath = folder("plain.safetensors")
    progress.preparing("writing a model of \(ByteCount(bytes: model.byteCount))")
    try model.write(to: plainPath, unless: stop)
    progress.preparing("importing it")
    try stop()
    try programs.startTantra(
      ["import", plainPath, "--model", Self.modelName, "--version", "v1.0", "--store", storePath]
    ).succeed()
    try model.renew(plainPath, number: 1)
    blobPath = try Self.largestFile(below: storePath + "/weights")
    mount = try BenchMount(
      storePath: storePath, mountpoint: folder("mount"), logPath: folder("daemon.log"))
    versionPath = "\(mount.mountpoint)/\(Self.modelName)/v1.0"
    countsCache = cache.canCount(at: blobPath)
  }

  /// The path of the largest file in a folder and below.
  static func largestFile(below path: String) throws -> String {
    var largest = (path: "", size: -1)
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      if Int(status.st_size) > largest.size { largest = ("\(path)/\(name)", Int(status.st_size)) }
    }
    guard largest.size > 0 else { throw BenchFailure(.failed, "\(path) holds no blob") }
    return largest.path
  }

  /// Ends Python, mount and daemon; the folder stays.
  func end() throws {
    if case .success(let python) = startedPython { python.end() }
    startedPython = nil
    // One that cannot be unmounted keeps none of the others.
    let ends = [madeCompressed?.mount, mount].map { mount in Result<Void, any Error> { try mount?.end() } }
    for end in ends { try end.get() }
  }

  /// Where the mount shows the version in a format.
  func view(_ format: String) -> String { "\(versionPath)/model.\(format)" }

  private var views: [String] { Self.formats.map(view) }

  /// Makes reads from the disk out of those of the blob and of all views.
  func makeCold() throws {
    let method = try cache.drop(blobPath, views: views)
    if coldMethod != .everything { coldMethod = method }
  }

  /// As ``makeCold()``, of the compressed copy.
  func makeCold(_ copy: CompressedCopy) throws {
    let method = try cache.drop(copy.filePath, views: [copy.viewPath])
    if coldMethod != .everything { coldMethod = method }
  }

  /// As ``makeFirst(_:)``, of the compressed copy.
  func makeFirst(_ copy: CompressedCopy) throws {
    try cache.warm(copy.filePath)
    try cache.forget([copy.viewPath])
  }

  /// Forgets what the lines before have cached: how pages came into memory decides how fast they are.
  func forget() throws { try cache.forget(views + [blobPath]) }

  /// Makes the reads of a mount that shows the blob come from the program that serves it, and its own reads from memory.
  ///
  /// - Parameter path: a file of the mount.
  func makeFirst(_ path: String) throws {
    try cache.warm(blobPath)
    try cache.forget([path])
  }

  /// Puts a file wherever reading it so often puts it, and only that: how pages came, and how often they were read already,
  /// decides how fast they are.
  ///
  /// - Parameter path: a file of the mount, or a plain one.
  func makeRead(_ path: String, times: Int) throws {
    if path.hasPrefix(mount.mountpoint + "/") { try makeFirst(path) } else { try cache.forget([path]) }
    for _ in 0..<times { _ = try reader.readThrough(path) }
  }

  /// The version in a store where it is compressed; made when it is first needed.
  func compressed() throws -> CompressedCopy {
    if let madeCompressed { return madeCompressed }
    progress.round("compressing the model")
    let copy = try CompressedCopy(of: plainPath, in: folder, programs)
    madeCompressed = copy
    return copy
  }

  /// The Python that has torch, started when it is first needed. Throws ``BenchLine/Skipped`` where there is none.
  func python() throws -> PythonWorker {
    if let startedPython { return try startedPython.get() }
    do {
      let worker = try PythonWorker(pythonPath, programs)
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
    try programs.run("cp", [view("pt"), partial])
    try programs.run("sync", [partial])
    try systemCall("rename", path) { rename(partial, path) }
    return path
  }

  // MARK: Versions that come and go

  /// Makes the folder of a new version, and all tensors of the plain file new to the store: the folder.
  func makeVersion() throws -> String {
    versionNumber += 1
    try model.renew(plainPath, number: 1 + versionNumber)
    try cache.warm(plainPath)
    let path = "\(mount.mountpoint)/\(Self.modelName)/v2.\(versionNumber)"
    try systemCall("mkdir", path) { mkdir(path, 0o755) }
    return path
  }

  /// Forgets a version that ``makeVersion()`` began, and frees its space.
  func removeVersion(_ path: String) throws {
    try programs.run("rm", ["-r", path])
    let model = try ModelName(validating: Self.modelName)
    _ = try ControlFolder(mountpoint: mount.mountpoint).send(.purge(model: model, version: nil, olderThan: 0))
  }
}
