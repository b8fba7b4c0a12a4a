import FoundationEssentials
import FuseServer
import Glibc

/// The machine, and what else has a say in the figures.
struct BenchEnvironment: Codable {
  var time: String
  var kernel: String
  var cores: Int
  var processor: String
  var memoryBytes: Int
  /// Type and device of the store's file system.
  var fileSystem: String
  var device: String
  /// Whether the command runs as root, which passthrough and emptying the page cache need.
  var isRoot: Bool
  /// How files were taken out of the page cache; nil if nothing was.
  var coldMethod: PageCache.Method?
  /// The number of processes that were ready to run during the minute before.
  var load: Double
  /// Variables that decide how the programs compute; only those that are set.
  var variables: [String: String]
  /// nil if none was used.
  var python: String?

  private static let variableNames = [
    "ATEN_CPU_CAPABILITY", "GLIBC_TUNABLES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "LD_PRELOAD", "MALLOC_ARENA_MAX",
    "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTHONMALLOC",
  ]

  /// Looks at the machine; `path` is a folder on the store's file system.
  init(at path: String) throws {
    time = Date.now.formatted(.iso8601)
    kernel = (SystemSources.text("/proc/sys/kernel/osrelease") ?? "unknown").trimmed
    cores = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let processors = SystemSources.text("/proc/cpuinfo")?.split(separator: "\n") ?? []
    processor =
      processors.first { $0.hasPrefix("model name") }?.split(separator: ":").last.map { String($0).trimmed }
      ?? "unknown"
    memoryBytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let mounts = try MountTable.current().entries.filter { entry in
      entry.mountpoint == "/" || path == entry.mountpoint || path.hasPrefix(entry.mountpoint + "/")
    }
    // Of two mounts on one path the later one is seen.
    let deepest = mounts.max { $0.mountpoint.count <= $1.mountpoint.count }
    fileSystem = deepest?.type ?? "unknown"
    device = deepest?.source ?? "unknown"
    isRoot = geteuid() == 0
    load = SystemSources.text("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) } ?? 0
    let environment = ProcessInfo.processInfo.environment
    variables = Dictionary(
      uniqueKeysWithValues: Self.variableNames.compactMap { name in environment[name].map { (name, $0) } })
  }

  /// Lines for people.
  var text: String {
    var lines = [
      "Linux \(kernel), \(cores) cores (\(processor)), \(Console.size(memoryBytes)) of memory, \(fileSystem) on \(device), "
        + (isRoot ? "as root" : "not as root") + ", load \(load)"
    ]
    if let coldMethod { lines.append("cold: by \(coldMethod.rawValue); the disk may have a cache of its own") }
    if let python { lines.append(python) }
    let set = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    lines.append(set.isEmpty ? "no variable that changes how torch computes is set" : set.joined(separator: " "))
    return lines.joined(separator: "\n")
  }
}

extension String {
  /// Without white space at either end.
  fileprivate var trimmed: String {
    let visible = drop(while: \.isWhitespace)
    return String(visible.prefix(visible.count - visible.reversed().prefix(while: \.isWhitespace).count))
  }
}
