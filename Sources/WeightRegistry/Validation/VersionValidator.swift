import BlobStore
import PosixIO
import StoreRecords
import SystemPackage
import Tensors
import WeightFormats

/// One validation of one version.
struct VersionValidator {
  private let validation: Validation
  private let manifest: Manifest
  private let scanProgress: RangeScanner.Progress

  init(validation: Validation, manifest: Manifest, progress: @escaping ProgressHandler) {
    self.validation = validation
    self.manifest = manifest
    // Every pack is read once for its digests, every view and component twice (its tensors, its sum); values are looked at in one
    // more pass.
    let sizes = manifest.weights.map(\.byteCount) + manifest.viewSizes
    let total = (sizes + sizes + manifest.parts.map(\.byteCount)).reduce(0, &+)
    scanProgress = counting(.checking, of: total, progress)
  }

  /// All checks, in the order of a report.
  ///
  /// - Throws: only what makes further checks pointless: an unreadable table, or `interrupted`.
  mutating func run() throws(StoreError) -> [ValidationReport.Check] {
    var checks = [try checkBlobs(), try checkFiles()]
    if let pickles = try lookAtPickles() { checks.append(pickles) }
    for component in manifest.parts {
      if let table = component.table { checks.append(try check(component, against: table)) }
    }
    guard let main = manifest.main else { return checks }
    let table = try records.table(main.table)
    for view in WeightFormatCatalogue.views where main.views[view.name] != nil {
      checks.append(try check(view, against: table))
    }
    checks.append(try checkValues(of: table))
    for checker in validation.checkers {
      let outcome = checker.check(
        tensors: table.stateDict.tensors, file: { path in contents(of: path) },
        weights: {
          let view = WeightFormatCatalogue.views.first { main.views[$0.name] != nil }
          return try open(view?.name ?? "")
        })
      switch outcome {
      case .passed(let detail): checks.append(.init(checker.name, .passed, [detail]))
      case .skipped(let why): checks.append(.init(checker.name, .skipped, [why]))
      case .failed(let problems): checks.append(.init(checker.name, .failed, problems))
      }
    }
    return checks
  }

  /// Tells of files that do not open, which is no fault of the version; nil if there are none.
  private func lookAtPickles() throws(StoreError) -> ValidationReport.Check? {
    let withheld: [WithheldFile]
    do throws(StoreError) { withheld = try validation.views.withheld(of: manifest) } catch {
      // That a file cannot be read is for the check of files to say.
      if case .interrupted = error.code { throw error }
      return nil
    }
    guard !withheld.isEmpty else { return nil }
    return .init("pickles", .skipped, withheld.map { "\($0.path) does not open: \($0.reason)" })
  }

  /// Runs a check that reports its problems; `interrupted` goes on up.
  private func collect(
    _ name: String, _ body: (inout [String]) throws(StoreError) -> String
  ) throws(StoreError) -> ValidationReport.Check {
    var problems: [String] = []
    var summary = ""
    do throws(StoreError) {
      summary = try body(&problems)
    } catch {
      if case .interrupted = error.code { throw error }
      problems.append(error.message)
    }
    return .init(name, problems.isEmpty ? .passed : .failed, problems.isEmpty ? [summary] : problems)
  }

  private func checkBlobs() throws(StoreError) -> ValidationReport.Check {
    try collect(ValidationReport.Check.blobs) { (problems: inout [String]) throws(StoreError) in
      var seen: [Digest: Set<Int>] = [:]
      var byteCount = 0
      for original in manifest.weights {
        guard let digest = original.table else {
          if try damaged(original.blob, original.byteCount) { problems.append("\(original.path) is damaged") }
          continue
        }
        let table = try records.table(digest)
        let needed = table.neededSegments
        for (index, pack) in table.packs.enumerated() {
          // Of a pack that is served whole every byte counts; of others, what is taken from them.
          let all = pack.blob == original.blob ? Set(pack.segments.segments.indices) : needed[index]
          let segments = all.subtracting(seen[pack.blob, default: []]).sorted()
          guard !segments.isEmpty || seen[pack.blob] == nil else { continue }
          seen[pack.blob, default: []].formUnion(segments)
          do throws(StoreError) {
            problems += try damage(in: index, segments, of: table)
            byteCount += segments.reduce(0) { $0 + pack.segments.segments[$1].byteCount }
          } catch {
            if case .interrupted = error.code { throw error }
            problems.append(error.message)
          }
        }
      }
      return "\(seen.count.counted("pack")), \(byteCount) bytes match their digests"
    }
  }

  /// What is wrong with a pack: each damaged stretch, with the tensors in it.
  private func damage(in index: Int, _ needed: [Int], of table: Table) throws(StoreError) -> [String] {
    let pack = table.packs[index]
    let blob = try blobStore(try records.store.blobs.open(pack.blob))
    guard blob.byteCount == pack.segments.byteCount else {
      return ["blob \(pack.blob): expected \(pack.segments.byteCount) bytes, found \(blob.byteCount)"]
    }
    let segments = needed.map { pack.segments.segments[$0] }
    return try posix(try RangeScanner(blob, progress: scanProgress).damagedSegments(of: segments)).map { damaged in
      let range = segments[damaged].range
      return "\(table.contents(ofPack: index, in: range)): bytes \(range.lowerBound)..<\(range.upperBound) of blob "
        + "\(pack.blob) are damaged"
    }
  }

  private func checkFiles() throws(StoreError) -> ValidationReport.Check {
    try collect("files") { (problems: inout [String]) throws(StoreError) in
      for file in manifest.files {
        guard let blob = file.blob else { continue }
        do throws(StoreError) {
          if try damaged(blob, file.byteCount) { problems.append("\(file.path) is damaged: its digest is another one") }
        } catch {
          if case .interrupted = error.code { throw error }
          problems.append("\(file.path): \(error.message)")
        }
      }
      return manifest.files.isEmpty ? "none" : manifest.files.map(\.path).joined(separator: ", ")
    }
  }

  /// Whether a blob that is hashed as one segment has other bytes than it should.
  private func damaged(_ digest: Digest, _ byteCount: Int) throws(StoreError) -> Bool {
    let blob = try blobStore(try records.store.blobs.open(digest))
    guard blob.byteCount == byteCount else { return true }
    let sum = try self.sum(of: byteCount, RangeScanner(blob, progress: scanProgress))
    return SegmentTable(whole: byteCount, sum).blob != digest
  }

  /// Plain SHA-256 of the first `byteCount` bytes.
  private func sum(of byteCount: Int, _ scanner: RangeScanner) throws(StoreError) -> Digest {
    try posix(try scanner.checksums(of: [0..<byteCount]))[0].digest
  }

  private var records: RecordStore { validation.records }

  /// Opens a view of what is checked.
  private func open(_ view: String) throws(StoreError) -> VersionView {
    try validation.views.open(view, of: manifest)
  }

  /// Reads a view through our own parser, as a program would, and compares what it holds with the table.
  private func check(_ view: ViewFormat, against table: Table) throws(StoreError) -> ValidationReport.Check {
    try collect(view.fileName) { (problems: inout [String]) throws(StoreError) in
      let opened = try open(view.name)
      let expected = manifest.main?.views[view.name] ?? 0
      guard opened.byteCount == expected else {
        throw StoreError(.damaged, "expected \(expected) bytes, found \(opened.byteCount)")
      }
      let (format, file) = try parsing(view.fileName, try WeightFormatCatalogue.parse(opened))
      // For SHA256SUMS.
      try validation.remember(try sum(of: opened.byteCount, scanner(of: opened)), of: view.name, manifest)
      let original = manifest.original(servedAs: view.name)
      // A file may have more names for a tensor than the table that rules.
      let own = try original?.table.map(records.table) ?? table
      problems += differences(of: file, in: opened, from: own)
      if let original, original.isStitched { try checkStitch(of: original, file, opened) }
      if original == nil, format is TorchZipFormat,
        file.stateDict.tensors.map({ ByteString($0.name) })
          != table.stateDict.tensors.map({ ByteString($0.name) })
      {
        problems.append("tensors are in another order than in the table")
      }
      let how = original.map { $0.isStitched ? "as written, stitched" : "as written" } ?? "synthesized"
      return "\(format.name), \(how), \(file.stateDict.tensors.count) tensors"
    }
  }

  /// Reads a component through our own parser, and compares what it holds with its table.
  private func check(
    _ component: WeightRecord, against table: Digest
  ) throws(StoreError) -> ValidationReport.Check {
    try collect(component.path) { (problems: inout [String]) throws(StoreError) in
      let opened = try validation.views.open(component)
      let (format, file) = try parsing(component.path, try WeightFormatCatalogue.parse(opened))
      try validation.remember(try sum(of: opened.byteCount, scanner(of: opened)), of: component)
      problems += differences(of: file, in: opened, from: try records.table(table))
      if component.isStitched { try checkStitch(of: component, file, opened) }
      let how = component.isStitched ? "as written, stitched" : "as written"
      return "\(format.name), \(how), \(file.stateDict.tensors.count) tensors"
    }
  }

  /// Compares the id of a stitched file with that of the file that was written: packs may be whole and put together wrongly.
  private func checkStitch(
    of original: WeightRecord, _ file: WeightFile, _ opened: VersionView
  ) throws(StoreError) {
    let pieces = SegmentTable.cut(byteCount: opened.byteCount, at: file.ranges) ?? []
    let found = try posix(try scanner(of: opened).checksums(of: pieces))
    let table = SegmentTable(pieces, found)
    guard table.blob == original.blob else {
      throw StoreError(
        .damaged, "its bytes are not those that were written: expected \(original.blob), found \(table.blob)")
    }
  }

  private func scanner(of view: VersionView) -> RangeScanner {
    RangeScanner(progress: scanProgress) { (_, offset, buffer) throws(PosixError) in
      do throws(FormatError) { try view.read(at: offset, into: buffer) } catch {
        throw PosixError(.ioError, call: "read", path: error.message)
      }
    }
  }

  private func differences(of file: WeightFile, in view: VersionView, from table: Table) -> [String] {
    var problems: [String] = []
    let expected = table.tensorIndices
    if file.stateDict.tensors.count != expected.count {
      problems.append("expected \(expected.count) tensors, found \(file.stateDict.tensors.count)")
    }
    var segments: [SegmentTable.Segment] = []
    var owners: [String] = []
    for tensor in file.stateDict.tensors {
      guard let index = expected[ByteString(tensor.name)] else {
        problems.append("tensor \"\(tensor.name)\" is not in the table")
        continue
      }
      let known = table.stateDict.tensors[index]
      if known.dtype != tensor.dtype || known.shape != tensor.shape {
        problems.append(
          "tensor \"\(tensor.name)\": expected \(known.dtype.rawValue) \(known.shape), found \(tensor.dtype.rawValue) \(tensor.shape)"
        )
      }
      // A strided tensor of a written file has no contiguous range there; its bytes were compared with the blob's digests.
      if case .range(let offset, _) = file.storages[tensor.storage] {
        segments.append(
          .init(offset: offset + tensor.byteOffset, byteCount: tensor.byteCount, digest: table.digest(ofTensor: index)))
        owners.append(tensor.name)
      }
    }
    do throws(PosixError) {
      for damaged in try scanner(of: view).damagedSegments(of: segments) {
        problems.append("tensor \"\(owners[damaged])\" has other bytes than the table says")
      }
    } catch {
      problems.append(error.description)
    }
    return problems
  }

  private func checkValues(of table: Table) throws(StoreError) -> ValidationReport.Check {
    try collect("values") { (problems: inout [String]) throws(StoreError) in
      var found: [String] = []
      var total = NonFiniteCount()
      for pack in table.packs.indices {
        let tensors = table.stateDict.tensors.filter { table.location(ofStorage: $0.storage)?.pack == pack }
        let ranges = tensors.map { tensor in
          let start = (table.location(ofStorage: tensor.storage)?.range.lowerBound ?? 0) + tensor.byteOffset
          return start..<start + tensor.byteCount
        }
        let blob = try blobStore(try records.store.blobs.open(table.packs[pack].blob))
        let dtypes = tensors.map(\.dtype)
        let counts = try posix(
          try RangeScanner(blob, progress: scanProgress).scan(ranges, into: NonFiniteCount()) { count, index, chunk in
            count.count(chunk, as: dtypes[index])
          })
        for (tensor, count) in zip(tensors, counts) where count.nan + count.infinite > 0 {
          found.append("\(tensor.name): \(count.nan) NaN, \(count.infinite) infinite")
        }
        total = counts.reduce(total, +)
      }
      let summary = "\(total.nan) NaN, \(total.infinite) infinite"
      return found.isEmpty
        ? summary : summary + ": " + found.prefix(8).joined(separator: "; ") + (found.count > 8 ? "; ..." : "")
    }
  }

  /// The bytes of an ordinary file; nil if there is none, or it is damaged, which ``checkFiles()`` has reported then.
  private func contents(of path: String) -> [UInt8]? {
    guard let blob = manifest.files.first(where: { $0.$path == ExactName(path) })?.blob else { return nil }
    do { return try records.store.blobs.contents(of: blob, limit: 16 << 20) } catch { return nil }
  }
}
