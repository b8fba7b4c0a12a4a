import Glibc
import PosixIO
package import StoreRecords
import Synchronization
import SystemPackage
import WeightFormats
package import WeightRegistry

/// One import into a store that another process has mounted. Files are published by copying them there.
///
/// A new version gets its other files first and its weights last, so that nobody sees the weights without them. In a version
/// that exists the other files wait under temporary names until the weights are accepted. Whatever fails before that is undone.
package struct MountedImport: ~Copyable {
  private let request: ImportRequest
  private let progress: ProgressHandler
  /// The folders of the model and of the version.
  private let folders: (model: String, version: String)
  /// What this import has made so far, in order: files and folders.
  private var made: [Made] = []
  /// Files that wait for the weights to be accepted.
  private var waiting: [(temporary: String, target: String)] = []

  private enum Made {
    case file(String)
    case folder(String)
  }

  package init(_ request: ImportRequest, at mountpoint: String, progress: @escaping ProgressHandler) {
    self.request = request
    self.progress = progress
    let model = mountpoint + "/" + request.model.text
    folders = (model, model + "/" + request.version.text)
  }

  /// Publishes the weight file and the other files.
  ///
  /// - Throws: why it was refused. The mount is as it was before; but if another file cannot get its name after the weights were
  ///   accepted, those stay, and the message says so.
  package consuming func run() throws(StoreError) {
    try check()
    do throws(StoreError) {
      try makeFolder(folders.model)
      let isNew = try makeFolder(folders.version)
      // Whoever sees a component sees the ordinary files, too.
      let (ordinary, components) = (
        request.files.filter { !FilePurpose($0.path).mayBeWeights },
        request.files.filter { FilePurpose($0.path).mayBeWeights }
      )
      for file in ordinary + components { try write(file, waits: !isNew) }
      let target = "\(folders.version)/\(request.path)"
      try makeFolders(of: request.path)
      // What the mount refuses may stay as a file that is not finished. One that was there is not this import's to remove.
      if !isThere(target) { made.append(.file(target)) }
      if let alone = request.alone {
        try write(alone, to: target, of: folders.version)
      } else {
        try copy(request.source, to: target, of: folders.version)
      }
    } catch {
      undo()
      throw error
    }
    try nameWaitingFiles()
  }

  /// Refuses what an import without a mount refuses, before anything is done.
  private func check() throws(StoreError) {
    try request.requireReadable()
    guard request.isCheckpoint, !request.version.looksLikeCheckpoint else { return }
    throw StoreError(
      .invalidName,
      "in a mounted store a version is a checkpoint by its name: call it checkpoint-N, step-N or epoch-N, or unmount first"
    )
  }

  /// Makes the folders that a file of the version lies in.
  private mutating func makeFolders(of path: String) throws(StoreError) {
    let parents = path.split(separator: "/").dropLast()
    for depth in parents.indices {
      try makeFolder(folders.version + "/" + parents[...depth].joined(separator: "/"))
    }
  }

  // MARK: Other files

  private mutating func write(_ file: ImportRequest.OtherFile, waits: Bool) throws(StoreError) {
    let parents = file.path.split(separator: "/").dropLast()
    try makeFolders(of: file.path)
    let target = folders.version + "/" + file.path
    guard waits else {
      made.append(.file(target))
      return try copy(file.source, to: target, of: folders.version)
    }
    if Self.isSame(file.source, target) { return }
    // A name of its own: the target's may be as long as a name can be.
    let folder = ([folders.version] + parents.map(String.init)).joined(separator: "/")
    let temporary = "\(folder)/.tantra-import-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    made.append(.file(temporary))
    waiting.append((temporary, target))
    try copy(file.source, to: temporary, of: folders.version)
  }

  private mutating func nameWaitingFiles() throws(StoreError) {
    for (temporary, target) in waiting {
      if rename(temporary, target) == 0 { continue }
      var error = refusal(target, of: folders.version, errno)
      // A frozen file is not replaced, but what is damaged of it is mended.
      if try mends(temporary, target) {
        unlink(temporary)
        continue
      }
      undo()
      error.message = "the weights were imported, but not all files beside them: " + error.message
      throw error
    }
  }

  /// Whether a file that may not be replaced has a file's bytes once the store has got them intact: then they were damaged.
  ///
  /// A draft of a moment brings them in.
  private func mends(_ file: String, _ target: String) throws(StoreError) -> Bool {
    let draft = "\(folders.model)/tantra-mends-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    guard mkdir(draft, 0o755) == 0 else { return false }
    defer { rmdir(draft) }
    let copy = draft + "/intact"
    defer { unlink(copy) }
    do throws(StoreError) { try self.copy(file, to: copy, of: draft) } catch {
      if case .interrupted = error.code { throw error }
      return false
    }
    // It becomes a blob when the mount has noticed that nobody writes it any more.
    for _ in 0..<40 {
      if Self.isSame(copy, target) { return true }
      usleep(50_000)
    }
    return false
  }

  /// Whether two files hold the same bytes; false if either cannot be read.
  private static func isSame(_ first: String, _ second: String) -> Bool {
    do throws(PosixError) {
      let files = (try OpenedFile.open(first), try OpenedFile.open(second))
      guard try files.0.status().size == files.1.status().size else { return false }
      var buffers = ([UInt8](repeating: 0, count: 1 << 18), [UInt8](repeating: 0, count: 1 << 18))
      var offset = 0
      while true {
        let counts = (
          try buffers.0.withMutableBytes { (bytes) throws(PosixError) in try files.0.read(at: offset, into: bytes) },
          try buffers.1.withMutableBytes { (bytes) throws(PosixError) in try files.1.read(at: offset, into: bytes) }
        )
        guard counts.0 == counts.1, buffers.0[..<counts.0] == buffers.1[..<counts.1] else { return false }
        if counts.0 == 0 { return true }
        offset += counts.0
      }
    } catch {
      return false
    }
  }

  private func isThere(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Makes a folder; whether it was not there.
  @discardableResult
  private mutating func makeFolder(_ path: String) throws(StoreError) -> Bool {
    if mkdir(path, 0o755) == 0 {
      made.append(.folder(path))
      return true
    }
    guard errno == EEXIST else { throw refusal(path, errno) }
    return false
  }

  /// Removes what was made. A folder in which somebody else has put something by now stays.
  private func undo() {
    for each in made.reversed() {
      switch each {
      case .file(let path): unlink(path)
      case .folder(let path): rmdir(path)
      }
    }
  }

  // MARK: Copying

  /// Copies a file with its time and its permissions; those of weights are always the same.
  private func copy(_ source: String, to target: String, of version: String) throws(StoreError) {
    // A pipe would be waited for.
    let input = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard input >= 0 else { throw failure(source, errno) }
    defer { close(input) }
    var status = stat()
    guard fstat(input, &status) == 0 else { throw failure(source, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError(.unacceptable(.unreadable), "\(source) is no regular file")
    }
    try make(target, of: version) { (output) throws(StoreError) in
      try copyBytes(from: input, source, to: output, target, size: Int(status.st_size))
      guard fchmod(output, status.st_mode & 0o777) == 0, futimens(output, [status.st_mtim, status.st_mtim]) == 0 else {
        throw refusal(target, of: version, errno)
      }
    }
  }

  /// Writes the state dict of a file that is not served itself.
  private func write(_ alone: StateDictAlone, to target: String, of version: String) throws(StoreError) {
    let (progress, total) = (progress, 2 * alone.byteCount)
    let done = Atomic(0)
    try make(target, of: version) { (output) throws(StoreError) in
      try alone.write(to: .init(descriptor: output, path: target)) { count in
        progress(.importing, min(done.add(count, ordering: .relaxed).newValue, total), total)
      }
    }
  }

  /// Makes a file that `body` fills. Its close publishes it, and tells what came of that.
  private func make(
    _ target: String, of version: String, _ body: (_ output: CInt) throws(StoreError) -> Void
  ) throws(StoreError) {
    let output = open(target, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw refusal(target, of: version, errno) }
    do throws(StoreError) {
      // Ordinary files know no such mark.
      let code = ExtendedAttribute.mark(output, WeightFileMark.makesNoEdition)
      guard [0, EOPNOTSUPP, EPERM].contains(code) else { throw failure(target, code) }
      try body(output)
    } catch {
      // What was copied so far is no whole file, and close finds that out, too.
      ftruncate(output, 0)
      close(output)
      throw error
    }
    guard close(output) == 0 else { throw refusal(target, of: version, errno) }
  }

  private func copyBytes(
    from input: CInt, _ source: String, to output: CInt, _ target: String, size: Int
  ) throws(StoreError) {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while true {
      let count = pread(input, &buffer, buffer.count, off_t(offset))
      guard count >= 0 else { throw failure(source, errno) }
      if count == 0 { return }
      var written = 0
      while written < count {
        let taken = buffer[written..<count].withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
        guard taken > 0 else { throw failure(target, errno) }
        written += taken
      }
      offset += count
      guard progress(.importing, offset, max(size, offset)) else { throw StoreError(.interrupted, "stopped") }
    }
  }

  // MARK: Errors

  private func failure(_ path: String, _ errno: CInt) -> StoreError {
    StoreError(PosixError(Errno(rawValue: errno), call: "import", path: path))
  }

  /// Why the mount refused something, in its own words where it has left them at the version's folder.
  private func refusal(_ path: String, of version: String? = nil, _ errno: CInt) -> StoreError {
    var error = failure(path, errno)
    switch errno {
    case EPERM: error.code = .differentWeights
    case EINVAL: error.code = .unacceptable(.malformed)
    case EACCES: error.code = .unacceptable(.forbidden)
    case EBUSY: error.code = .inUse
    case EROFS: error.code = .readOnly
    case EINTR: error.code = .interrupted
    default: break
    }
    guard let version else { return error }
    do throws(PosixError) {
      let reason = try ExtendedAttribute.value("user.tantra.last_error", of: version)
      error.message = String(decoding: reason, as: UTF8.self)
    } catch {
      // The mount has left no word: what the errno says has to do.
    }
    return error
  }
}

extension StateDictAlone.Target {
  /// A file that whoever opened it also closes.
  fileprivate init(descriptor: CInt, path: String) {
    self.init(
      read: { (offset, buffer) throws(PosixError) in
        var rest = buffer
        while !rest.isEmpty {
          let place = off_t(offset + buffer.count - rest.count)
          let count = try systemCall("pread", path) { pread(descriptor, rest.baseAddress, rest.count, place) }
          guard count > 0 else { throw PosixError(.ioError, call: "pread: the file is too short", path: path) }
          rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...])
        }
      },
      write: { (bytes, offset) throws(PosixError) in
        var rest = bytes
        while !rest.isEmpty {
          let place = off_t(offset + bytes.count - rest.count)
          let count = try systemCall("pwrite", path) { pwrite(descriptor, rest.baseAddress, rest.count, place) }
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
      })
  }
}
