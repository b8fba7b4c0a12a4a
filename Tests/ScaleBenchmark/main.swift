// How a store with very many versions behaves.
//
//   swift run -c release ScaleBenchmark STORE [MODELS [VERSIONS]]
//
// STORE is a folder on the file system to be measured, which is made and left for further looks (tantra mount --store STORE).
// Its versions share one table and one pack: manifests are written by hand. Prints milliseconds; each figure of a registry or
// a tree that was opened anew, with the kernel's caches warm.

import Glibc
import Logging
import PosixIO
import TestSupport
import WeightFormats
import WeightRegistry
import WeightsFS

guard CommandLine.arguments.count >= 2 else {
  print("usage: ScaleBenchmark STORE [MODELS [VERSIONS]]")
  exit(64)
}
let storePath = CommandLine.arguments[1]
let modelCount = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 1000 : 1000
let versionCount = CommandLine.arguments.count > 3 ? Int(CommandLine.arguments[3]) ?? 100 : 100
let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
let clock = ContinuousClock()
let caller = Caller(uid: getuid(), gid: getgid(), pid: getpid())

func open(_ access: WeightRegistry.Access) throws -> WeightRegistry {
  try WeightRegistry(storePath: storePath, access: access, logger: logger)
}

@discardableResult
func report<R>(_ step: String, _ body: () throws -> R) rethrows -> R {
  let start = clock.now
  let result = try body()
  let milliseconds = start.duration(to: clock.now) / .milliseconds(1)
  print("\(step.padded(to: 44)) \((milliseconds * 100).rounded() / 100) ms")
  return result
}

/// The median of runs that each get a fresh `setUp`.
func report<S, R>(_ step: String, runs: Int, setUp: () throws -> S, _ body: (S) throws -> R) rethrows {
  var times: [Double] = []
  for _ in 0..<runs {
    let subject = try setUp()
    let start = clock.now
    _ = try body(subject)
    times.append(start.duration(to: clock.now) / .milliseconds(1))
  }
  times.sort()
  func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
  print("\(step.padded(to: 44)) \(rounded(times[runs / 2])) ms, at most \(rounded(times[runs - 1])) ms of \(runs)")
}

func version(_ number: Int) throws -> VersionName { try VersionName(validating: "v1.\(number)") }
func model(_ number: Int) throws -> ModelName { try ModelName(validating: "model-\(number)") }

// MARK: The store

_ = try Folder.make(storePath)
let seed = try model(0)
if try !open(.writing()).contains(seed) {
  let file = try Folder.make(storePath).makeFile("weights.safetensors", exclusively: false)
  var failure: PosixError?
  try SmallWeights.example().safetensors().withUnsafeBytes { bytes in
    do throws(PosixError) { try file.write(bytes, at: 0) } catch { failure = error }
  }
  if let failure { throw failure }
  let manifest = try open(.writing()).importFile(
    ImportRequest(
      model: seed, version: try version(0), source: storePath + "/weights.safetensors", view: "safetensors"))
  try report("write \(modelCount) x \(versionCount) manifests") {
    var config = WeightConfig()
    let models = try Folder.open(storePath + "/models")
    for number in 0..<modelCount {
      let folder = try models.makeFolder(try model(number).text)
      let first = try version(0)
      let change = ActiveSwitch(time: manifest.published, actor: .current, from: nil, to: first, isRollback: false)
      config.models[try model(number)] = WeightConfig.Model(
        active: first, history: Array(repeating: change, count: 10))
      for index in 0..<versionCount {
        var copy = manifest
        (copy.model, copy.version) = (try model(number), try version(index))
        let target = try folder.makeFile(copy.version.text + ".json", exclusively: false)
        try StoreCoding.encode(copy, pretty: true).withUnsafeBytes { bytes in
          do throws(PosixError) { try target.write(bytes, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
      }
    }
    let record = try StoreCoding.encode(config, pretty: true)
    try Folder.open(storePath).replace(
      "weight_config.json", with: record, staging: try Folder.open(storePath + "/.staging"))
  }
}

// MARK: Figures

print("\(modelCount) models x \(versionCount) versions, \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores")
let writer = try report("open for writing, as mount does") { try open(.writing()) }
report("open for reading, as list-weights does", runs: 5, setUp: {}) { _ in _ = (try? open(.reading)) }

let some = try model(modelCount / 2)
let last = try version(versionCount - 1)

/// A fresh tree on a fresh registry, as after a mount.
func tree() throws -> WeightsFileSystem {
  WeightsFileSystem(registry: try open(.reading), events: EventLog(), logger: logger)
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

try report("ls of the root", runs: 9, setUp: tree) { try list($0, .root) }
try report("ls of a model", runs: 9, setUp: tree) { tree in
  try list(tree, try tree.lookup(some.text, in: .root, caller: caller).attributes.inode)
}
try report("ls -l of a model (a lookup for each name)", runs: 9, setUp: tree) { tree in
  let folder = try tree.lookup(some.text, in: .root, caller: caller).attributes.inode
  _ = try list(tree, folder)
  for name in try writer.versions(of: some) { _ = try tree.lookup(name.text, in: folder, caller: caller) }
}
try report("stat of a file", runs: 9, setUp: tree) { tree in
  let folder = try tree.lookup(some.text, in: .root, caller: caller).attributes.inode
  let version = try tree.lookup(last.text, in: folder, caller: caller).attributes.inode
  return try tree.lookup("model.pt", in: version, caller: caller)
}
try report(
  "ls of .files (\(modelCount * versionCount * 3) names)", runs: 1, setUp: tree
) { tree in try list(tree, try tree.lookup(".files", in: .root, caller: caller).attributes.inode) }
try report("list-weights of a model", runs: 9, setUp: { try open(.reading) }) { registry in
  try registry.versions(of: some).map { (name) throws(RegistryError) in try registry.manifest(of: some, name) }.count
}
var turn = 0
try report("set-active", runs: 9, setUp: { turn += 1 }) { _ in
  try writer.setActive(some, try version(turn % versionCount))
}
try report("history of a model", runs: 9, setUp: { try open(.reading) }) { try $0.history(of: some).count }
try report("status (bytes presented and stored), first time") { try StoreUsage(registry: writer).current() }

for name in ["index.sqlite", "index.sqlite-journal"] { try Folder.open(storePath).removeFile(name) }
let other = SmallWeights([("other", (0..<512).map { Float($0) + 0.25 })])
let second = try Folder.open(storePath).makeFile("other.safetensors", exclusively: false)
try other.safetensors().withUnsafeBytes { bytes in _ = try? second.write(bytes, at: 0) }
for (step, name) in [("import, with the index made anew", "a"), ("import, with the index there", "b")] {
  try report(step) {
    try writer.importFile(
      ImportRequest(
        model: try model(0), version: try VersionName(validating: "extra-\(name)"),
        source: storePath + "/other.safetensors", view: "safetensors"))
  }
}
