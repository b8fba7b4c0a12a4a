import Glibc
import PosixIO
import StoreRecords
import TestSupport
import WeightRegistry
import WeightsFS

/// What a registry and a tree cost inside a process, each opened anew.
func measureRegistry(_ store: ScaleStore) throws {
  let some = try store.model(store.modelCount / 2)
  let last = try store.version(store.versionCount - 1)
  let caller = Caller(uid: getuid(), gid: getgid(), pid: getpid())

  /// A fresh tree on a fresh registry, as after a mount.
  func tree() throws -> WeightsFileSystem {
    WeightsFileSystem(registry: try store.open(.reading), events: EventLog(), logger: ScaleStore.logger)
  }
  func list(_ tree: WeightsFileSystem, _ inode: InodeNumber) throws -> Int {
    let handle = try tree.openDirectory(inode)
    defer { tree.releaseDirectory(handle) }
    var count = 0
    while true {
      let entries = try tree.readDirectory(handle, from: count)
      if entries.isEmpty { return count }
      count += entries.count
    }
  }
  func folder(_ name: String, in tree: WeightsFileSystem) throws -> InodeNumber {
    try tree.lookup(name, in: .root, caller: caller).attributes.inode
  }

  print("in a process:")
  try Stopwatch.median("open for writing", runs: 5) { try store.open(.writing()) }
  try Stopwatch.median("open for reading", runs: 5) { try store.open(.reading) }
  try Stopwatch.median("ls of the root", runs: 9, setUp: tree) { try list($0, .root) }
  try Stopwatch.median("ls of a model", runs: 9, setUp: tree) { try list($0, try folder(some.text, in: $0)) }
  try Stopwatch.median("stat of a file", runs: 9, setUp: tree) { tree in
    let version = try tree.lookup(last.text, in: try folder(some.text, in: tree), caller: caller).attributes.inode
    return try tree.lookup("model.pt", in: version, caller: caller)
  }
  try Stopwatch.median("list-weights of a model", runs: 9, setUp: { try store.open(.reading) }) { registry in
    try registry.records.versions(of: some).map { (name) throws(StoreError) in
      try registry.records.manifest(of: some, name)
    }.count
  }
  let writer = try store.open(.writing())
  var turn = 0
  try Stopwatch.median("set-active", runs: 15, setUp: { turn += 1 }) { _ in
    try writer.activation.setActive(some, try store.version(turn % store.versionCount))
  }
  try Stopwatch.median("history of a model", runs: 9, setUp: { try store.open(.reading) }) {
    try $0.records.history(of: some)
  }
}

/// What the index costs and saves.
func measureIndex(_ store: ScaleStore) throws {
  let source = try store.write(
    "other.safetensors", try SmallWeights([("other", (0..<512).map { Float($0) + 0.25 })]).safetensors())
  func importOther(_ version: String) throws {
    try store.open(.writing()).importing(
      ImportRequest(
        model: try store.model(0), version: try VersionName(validating: version), source: source, view: "safetensors"))
  }
  func removeIndex() throws {
    for name in ["index.sqlite", "index.sqlite-journal"] { try Folder.open(store.path).removeFile(name) }
  }

  print("the index:")
  try removeIndex()
  try Stopwatch.once("status without it") { try StoreUsage(try store.open(.reading).records).current() }
  try Stopwatch.once("import, which makes it anew") { try importOther("extra-a") }
  try Stopwatch.once("import, with it there") { try importOther("extra-b") }
  print("  size \(try Folder.open(store.path).status(of: "index.sqlite")?.size ?? 0) bytes")
  try Stopwatch.median("status with it", runs: 5, setUp: { try store.open(.reading) }) {
    try StoreUsage($0.records).current()
  }
}
