import Logging
import PosixIO
import StoreRecords
import TestSupport
import WeightFormats
import WeightRegistry

/// A store of many versions that share one table and one pack: their manifests are written by hand.
struct ScaleStore {
  let path: String
  let modelCount: Int
  let versionCount: Int

  static let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }

  func open(_ access: StoreAccess) throws -> WeightRegistry {
    try WeightRegistry(storePath: path, access: access, logger: Self.logger)
  }

  func model(_ number: Int) throws -> ModelName { try ModelName(validating: "model-\(number)") }
  func version(_ number: Int) throws -> VersionName { try VersionName(validating: "v1.\(number)") }

  /// Writes a file into the store's folder; answers its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try write(name, bytes, in: try Folder.make(path))
    return path + "/" + name
  }

  private func write(_ name: String, _ bytes: [UInt8], in folder: Folder) throws {
    let file = try folder.makeFile(name, exclusively: false)
    var failure: PosixError?
    bytes.withUnsafeBytes { bytes in
      do throws(PosixError) { try file.write(bytes, at: 0) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Makes the store, unless it is there.
  func make() throws {
    if try open(.writing()).records.contains(try model(0)) { return }
    let source = try write("weights.safetensors", try SmallWeights.example().safetensors())
    let manifest = try open(.writing()).importing(
      ImportRequest(model: try model(0), version: try version(0), source: source, view: "safetensors"))
    try Stopwatch.once("write \(modelCount) x \(versionCount) manifests") {
      let models = try Folder.open(path + "/models")
      for number in 0..<modelCount {
        let folder = try models.makeFolder(try model(number).text)
        for index in 0..<versionCount {
          var copy = manifest
          (copy.model, copy.version) = (try model(number), try version(index))
          try write(copy.version.text + ".json", try StoreCoding.encode(copy, pretty: true), in: folder)
        }
      }
    }
    // Every model has been switched a few times.
    let registry = try open(.writing())
    try Stopwatch.once("switch every model 3 times") {
      for number in 0..<modelCount {
        for index in 1...3 {
          try registry.activation.setActive(try model(number), try version(index % versionCount))
        }
      }
    }
  }
}
