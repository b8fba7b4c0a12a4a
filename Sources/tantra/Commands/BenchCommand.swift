import ArgumentParser
import FoundationEssentials
import FuseServer
import Glibc
import TantraBench
import Tensors

/// `tantra bench [--size BYTES]`
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure what a mount costs on this machine.",
    discussion: """
      Makes a model, a store of its own and a mount of that in a fresh folder beside the store, does what programs do with \
      weights through the mount and on plain files in turns, and prints the ratios: 1 is the speed of the disk's own file \
      system. Your store is not touched. The folder, which takes four times the model's size, is removed at the end, after \
      Ctrl-C too.

      Native reads are those of the very blob behind the view. "In memory" is in the page cache, "on disk" is not, by \
      posix_fadvise, and as root by /proc/sys/vm/drop_caches if that does not suffice. "First" readings get their data \
      from the daemon; "second" and "third" ones find it in the kernel, where the others have left it, and loading comes \
      after two readings, on both sides. Memory should hold three models; other work on the machine makes figures \
      worthless.

      Lines for --only: \(BenchRun.allLineNames.joined(separator: ", ")). Loading with torch needs a Python that \
      has it; bindfs and rclone are compared with where they are installed.

      Exit codes: 0 measured, whether or not a figure is as wanted; 1 a line failed, or FUSE is missing; 64 wrong usage; \
      66 no such folder; 74 too little room, or reading or writing failed; 77 not permitted; 130 interrupted.
      """)

  @Option(help: "Size of the model, as 2GiB, 512M or in bytes; at least 1 MiB.") var size = ByteCount(bytes: 512 << 20)
  @Option(help: "How often each pair is measured.") var rounds = 5
  @Option(
    name: .customLong("in"), help: "Folder to work in, on the store's file system; where the store is, if left out.")
  var parent: String?
  @Option(help: "A Python that has torch and safetensors; python3 of PATH, if left out.") var python: String?
  @Option(parsing: .upToNextOption, help: "Measure these lines only.") var only: [String] = []
  @Option(help: "Write a chart of the ratios to this PNG file.") var chart: String?
  @Flag(help: "Print JSON, with every round; speeds per second, sizes in bytes.") var json = false
  @OptionGroup var store: StoreOptions

  func validate() throws {
    guard size.bytes >= 1 << 20 else { throw ValidationError("--size is to be 1 MiB or more") }
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds is to be from 1 to 1000") }
    let known = BenchRun.allLineNames
    if let name = only.first(where: { !known.contains($0) }) {
      throw ValidationError("there is no line \"\(name)\": expected \(known.joined(separator: ", "))")
    }
  }

  func run() throws {
    try MountRequirements.check(MountOptions(isReadOnly: false, allowsOthers: false))
    let parent = try workingFolder()
    if let chart { try requireWritable(chart) }
    Interruption.watch()
    let bench = BenchRun(
      byteCount: size.bytes, rounds: rounds, lineNames: only, python: python, version: Tantra.configuration.version)
    let report = try bench.measure(in: parent) { Interruption.isRequested }
    if let chart { try Data(RatioChart(report).png).write(to: URL(filePath: chart), options: .atomic) }
    if json { try Console.print(json: report) } else { Console.print(BenchTable(report: report).text) }
    if report.lines.contains(where: { $0.outcome == .failed }) {
      throw CommandFailure(.failed, "not every line could be measured")
    }
  }

  // MARK: Places

  /// The folder that --in names, or the one that holds the store, free of links.
  private func workingFolder() throws -> String {
    let storePath = try store.path
    var beside = storePath
    var storeStatus = stat()
    let storeExists = stat(beside, &storeStatus) == 0
    repeat {
      beside = beside.lastIndex(of: "/").map { String(beside[..<$0]) } ?? ""
    } while access(beside + "/", F_OK) != 0 && !beside.isEmpty
    let wanted = parent ?? beside + "/"
    guard let resolved = realpath(wanted, nil) else {
      throw CommandFailure(.noInput, "\(wanted): \(String(cString: strerror(errno)))")
    }
    defer { free(resolved) }
    let path = String(cString: resolved)
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw CommandFailure(.noInput, "\(path) is not a folder")
    }
    guard !storeExists || status.st_dev == storeStatus.st_dev else {
      throw CommandFailure(
        .usage, "\(path) is on another file system than the store \(storePath): use --in with a folder on the same one"
      )
    }
    return path
  }

  /// Finds out before everything is measured that the chart could not be written.
  private func requireWritable(_ path: String) throws {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    guard access(folder, W_OK) == 0 else {
      throw CommandFailure(.noInput, "\(path): \(String(cString: strerror(errno)))")
    }
  }
}
