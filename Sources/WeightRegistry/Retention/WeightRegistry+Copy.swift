import BlobStore
import Logging
import PosixIO
import SystemPackage

extension WeightRegistry {
  /// What a copy to another store took.
  package struct CopyReport: Sendable, Hashable, Codable {
    package var blobs: Int
    package var byteCount: Int
  }

  /// Copies a version with everything it needs into the store at `path`, which is made if it is missing, and validates it
  /// there. Reads only, so that it works on a mounted store.
  ///
  /// - Throws: `alreadyExists` if there is another version of that name; `damaged` if the copy does not validate: it is
  ///   there all the same, as complete as the original.
  package func copy(
    _ model: ModelName, _ version: VersionName, toStoreAt path: String,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> CopyReport {
    let manifest = try manifest(of: model, version)
    let target = try WeightRegistry(storePath: path, access: .writing(), logger: logger, checkers: checkers)
    if target.contains(model, version), try target.manifest(of: model, version) != manifest {
      throw RegistryError(.alreadyExists, "the store at \(path) has another \(model)/\(version)")
    }
    guard target.allowsStitching || !manifest.written.contains(where: \.isStitched) else {
      throw RegistryError(
        .olderFormat,
        "the store at \(path) has a format in which \(model)/\(version) cannot be kept: run tantra upgrade-store "
          + "--store \(path)")
    }
    var report = CopyReport(blobs: 0, byteCount: 0)
    var sizes: [Int] = []
    let blobs = manifest.blobs.sorted()
    for blob in blobs {
      let file = try openBlob(blob)
      sizes.append(try posix(try file.status().size))
    }
    let total = sizes.reduce(0, +)
    for (blob, size) in zip(blobs, sizes) {
      let before = report.byteCount
      do throws(BlobStoreError) {
        try target.store.blobs.adopt(blob, from: store.blobs) { (done: Int) throws(PosixError) in
          guard progress(.copying, before + done, total) else {
            throw PosixError(.interrupted, call: "copy", path: path)
          }
        }
      } catch {
        throw RegistryError(error)
      }
      report.blobs += 1
      report.byteCount += size
    }
    try target.publish(manifest, at: isCheckpoint(model, version) ? .checkpoints : .models, activating: false)
    let check = try target.validate(model, version, progress: progress)
    guard check.isValid else { throw RegistryError(.damaged, "the copy in \(path) is damaged:\n\(check.text)") }
    return report
  }
}
