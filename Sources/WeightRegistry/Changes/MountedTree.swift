import Glibc
import PosixIO
import WeightFormats

/// The models' folders of a store that another process has mounted: files are published by copying them there.
package struct MountedTree: Sendable {
  package let mountpoint: String

  package init(mountpoint: String) { self.mountpoint = mountpoint }

  /// Publishes a weight file and its sidecars, as `cp` does. What cannot be published leaves no new folder behind.
  package func importFile(_ request: ImportRequest, progress: ProgressHandler) throws(RegistryError) {
    if request.isCheckpoint, !request.version.looksLikeCheckpoint {
      throw RegistryError(
        .invalidName,
        "in a mounted store a version is a checkpoint by its name: call it checkpoint-N, step-N or epoch-N, or unmount first"
      )
    }
    let model = mountpoint + "/" + request.model.text
    let version = model + "/" + request.version.text
    var made: [String] = []
    do throws(RegistryError) {
      for folder in [model, version] where try makeFolder(folder) { made.append(folder) }
      for sidecar in request.sidecars {
        let folders = sidecar.path.split(separator: "/").dropLast()
        for depth in folders.indices {
          _ = try makeFolder(version + "/" + folders[...depth].joined(separator: "/"))
        }
        try copy(sidecar.source, to: version + "/" + sidecar.path, of: version, progress)
      }
      try copy(request.source, to: "\(version)/model.\(request.view)", of: version, progress)
    } catch {
      // One that holds something by now is somebody's, and stays.
      for folder in made.reversed() { rmdir(folder) }
      throw error
    }
  }

  /// Makes a folder; whether it was not there.
  private func makeFolder(_ path: String) throws(RegistryError) -> Bool {
    if mkdir(path, 0o755) == 0 { return true }
    guard errno == EEXIST else { throw refusal(path, errno) }
    return false
  }

  /// Copies a file with its time. Its close publishes it, and tells what came of that.
  private func copy(
    _ source: String, to target: String, of version: String, _ progress: ProgressHandler
  ) throws(RegistryError) {
    let input = open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw failure(source, errno) }
    defer { close(input) }
    var status = stat()
    guard fstat(input, &status) == 0 else { throw failure(source, errno) }
    let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw refusal(target, of: version, errno) }
    do throws(RegistryError) {
      try copyBytes(from: input, source, to: output, target, size: Int(status.st_size), progress)
      guard futimens(output, [status.st_mtim, status.st_mtim]) == 0 else { throw refusal(target, of: version, errno) }
    } catch {
      // What was copied so far is no whole file, and close finds that out, too.
      ftruncate(output, 0)
      close(output)
      throw error
    }
    guard close(output) == 0 else { throw refusal(target, of: version, errno) }
  }

  private func copyBytes(
    from input: CInt, _ source: String, to output: CInt, _ target: String, size: Int, _ progress: ProgressHandler
  ) throws(RegistryError) {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    while true {
      let count = pread(input, &buffer, buffer.count, off_t(offset))
      guard count >= 0 else { throw failure(source, errno) }
      if count == 0 { return }
      var written = 0
      while written < count {
        let taken = buffer[written..<count].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
        guard taken > 0 else { throw failure(target, errno) }
        written += taken
      }
      offset += count
      guard progress(.importing, offset, max(size, offset)) else { throw RegistryError(.interrupted, "stopped") }
    }
  }

  private func failure(_ path: String, _ errno: CInt) -> RegistryError {
    RegistryError(.system(errno: errno), "\(path): \(String(cString: strerror(errno)))")
  }

  /// Why the mount refused something, in its own words where it has left them at the version's folder.
  private func refusal(_ path: String, of version: String? = nil, _ errno: CInt) -> RegistryError {
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
