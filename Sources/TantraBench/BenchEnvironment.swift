import FoundationEssentials
import FuseServer
import Glibc
import PosixIO
import Tensors

/// How files were taken out of the page cache.
package enum ColdMethod: String, Codable, Sendable {
  case advice = "posix_fadvise(DONTNEED) on the file"
  case everything = "posix_fadvise(DONTNEED) on the file, then /proc/sys/vm/drop_caches"
}

/// The machine, and what else has a say in the figures.
package struct BenchEnvironment: Codable, Sendable {
  package var time: String
  package var kernel: String
  package var cores: Int
  package var processor: String
  package var memoryBytes: Int
  /// Type and device of the store's file system.
  package var fileSystem: String
  package var device: String
  /// Whether the command runs as root, which passthrough and emptying the page cache need.
  package var isRoot: Bool
  /// How files were taken out of the page cache; nil if nothing was.
  package var coldMethod: ColdMethod?
  /// The number of processes that were ready to run during the minute before.
  package var load: Double
  /// Variables that decide how the programs compute; only those that are set.
  package var variables: [String: String]
  /// nil if none was used.
  package var python: String?

  private static let variableNames = [
    "ATEN_CPU_CAPABILITY", "GLIBC_TUNABLES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "LD_PRELOAD", "MALLOC_ARENA_MAX",
    "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTHONMALLOC",
  ]

  /// Looks at the machine; `path` is a folder on the store's file system.
  init(at path: String) throws {
    time = Date.now.formatted(.iso8601)
    kernel = try Self.text("/proc/sys/kernel/osrelease").trimmed
    cores = ParallelWork.processorCount
    let processors = try Self.text("/proc/cpuinfo").split(separator: "\n")
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
    load = try Self.text("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0
    let environment = ProcessInfo.processInfo.environment
    variables = Dictionary(
      uniqueKeysWithValues: Self.variableNames.compactMap { name in environment[name].map { (name, $0) } })
  }

  private static func text(_ path: String) throws(PosixError) -> String {
    String(decoding: try SystemFile.read(path), as: UTF8.self)
  }

  /// Lines for people.
  package var text: String {
    var lines = [
      "Linux \(kernel), \(cores) cores (\(processor)), \(ByteCount(bytes: memoryBytes)) of memory, \(fileSystem) on \(device), "
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
