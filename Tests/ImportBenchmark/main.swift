// How fast files are imported, and what the time goes into.
//
//   swift run -c release ImportBenchmark FILE STORE [RUNS]
//
// FILE is a weight file; STORE a folder on the file system to be measured, which is made and removed. Every step reads FILE
// from the page cache, which a first pass fills. Prints seconds and GB/s of each step alone, then of whole imports.

import BlobStore
import Glibc
import Logging
import PosixIO
import StoreRecords
import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
  print("usage: ImportBenchmark FILE STORE [RUNS]")
  exit(64)
}
let path = arguments[1]
let storePath = arguments[2]
let runs = arguments.count > 3 ? Int(arguments[3]) ?? 5 : 5

func median(_ body: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  var seconds: [Double] = []
  for _ in 0..<runs { seconds.append(try clock.measure(body) / .seconds(1)) }
  return seconds.sorted()[runs / 2]
}

let source = try OpenedFile.open(path)
let stored = try LocalBytes(source)
let byteCount = stored.byteCount
let parsed = try WeightFormatCatalogue.parse(try FileSource(source)).file
let ranges = parsed.storages.compactMap { storage -> Range<Int>? in
  if case .range(let offset, let count) = storage { offset..<offset + count } else { nil }
}
guard let pieces = SegmentTable.cut(byteCount: byteCount, at: ranges) else { exit(65) }

func report(_ step: String, _ seconds: Double) {
  let rate = Double(byteCount) / seconds / 1e9
  print("\(step.padded(to: 34)) \((seconds * 1000).rounded() / 1000) s  \((rate * 100).rounded() / 100) GB/s")
}

print(
  "\(path): \(byteCount) bytes, \(ranges.count) storages, \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores, median of \(runs)"
)
report("read", try median { _ = try RangeScanner(source).scan(pieces, into: 0) { _, _, _ in } })
report(
  "read + CRC-32",
  try median { _ = try RangeScanner(source).scan(pieces, into: CRC32()) { crc, _, chunk in crc.update(chunk) } })
report("read + CRC-32 + SHA-256", try median { _ = try RangeScanner(source).checksums(of: pieces) })
report("parse", try median { _ = try WeightFormatCatalogue.parse(try FileSource(source)) })

// Tensors that are not contiguous, gathered by one thread and written nowhere.
let strided = parsed.storages.compactMap { storage -> WeightFile.StridedSource? in
  if case .strided(let source) = storage { source } else { nil }
}
if !strided.isEmpty {
  report(
    "gather \(strided.count) strided tensors",
    try median {
      for tensor in strided {
        try StridedReader(tensor).copy(
          read: { (offset, buffer) throws(PosixError) in try source.fill(buffer, at: offset) },
          write: { _, _ throws(PosixError) in }, progress: { _ throws(PosixError) in })
      }
    })
}

let folder = try Folder.make(storePath)
var copies = 0.0
var syncs = 0.0
copies = try median {
  try folder.removeFile("copy")
  let target = try folder.makeFile("copy", exclusively: true)
  _ = try RangeScanner(copying: stored, to: target).scan(pieces, into: 0) { _, _, _ in }
}
report("read + write", copies)
syncs = try median {
  try folder.removeFile("copy")
  let target = try folder.makeFile("copy", exclusively: true)
  _ = try RangeScanner(copying: stored, to: target).scan(pieces, into: 0) { _, _, _ in }
  try target.synchronize()
}
report("read + write + fsync", syncs)
try folder.removeFile("copy")

let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
let registry = try WeightRegistry(storePath: storePath + "/store", access: .writing(), logger: logger)
let view = ImportRequest.view(forExtension: String(path.split(separator: ".").last ?? "")) ?? "pt"
report(
  "import (all of it, durable)",
  try median {
    let manifest = try registry.importing(
      ImportRequest(
        model: try ModelName(validating: "benchmark"), version: try VersionName(validating: "v1"), source: path,
        view: view))
    // The next run has to store the pack anew.
    let blob = manifest.weights[0].blob.hexadecimal
    try Folder.open(storePath + "/store/weights/sha256/" + blob.prefix(2)).removeFile(String(blob.dropFirst(2)))
  })
