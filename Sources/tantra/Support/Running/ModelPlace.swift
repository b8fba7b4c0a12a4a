import FoundationEssentials
import StoreClient
import StoreRecords
import TantraRuntime
import WeightRegistry

/// Where a model is that the bundled runtime is to load: in a mount, at a path, or in a store that is not mounted.
struct ModelPlace {
  /// The file names that the runtime looks for beside weights.
  private static let companions = ["config.json", "tokenizer.json"]

  let location: ModelLocation
  /// What the location lies in, if it is there for this process only. It goes with this value.
  private let unmounted: UnmountedVersion?
  /// The version that `unmounted` is of, as users write it.
  private let name: String?

  private init(_ location: ModelLocation, _ unmounted: UnmountedVersion? = nil, _ name: String? = nil) {
    self.location = location
    self.unmounted = unmounted
    self.name = name
  }

  /// Finds a model, and loads it by `body`; the place need not last longer.
  ///
  /// - Parameters:
  ///   - model: the name of a model, which may be followed by a slash and a version; else a path, if it holds a slash.
  ///   - version: a version or a link to one; the active one if nil.
  static func with<R>(
    _ model: String, version: String?, of store: StoreOptions, _ body: (ModelPlace) throws -> R
  ) throws -> R {
    let place = try find(model, version: version, store)
    return try withExtendedLifetime(place.unmounted) { try body(place) }
  }

  private static func find(_ word: String, version: String?, _ store: StoreOptions) throws -> ModelPlace {
    let (model, version) = try words(word, version)
    let mount = ProcessInfo.processInfo.environment["TANTRA_MOUNT"] ?? ""
    if model.contains("/") || [".", ".."].contains(model) || store.store == nil && !mount.isEmpty {
      return ModelPlace(try ModelLocation(model, version: version))
    }
    let found = try StoreLocation(named: store.store)
    do {
      guard let mountpoint = try store.mountpoint(), answers(mountpoint) else {
        return try unmounted(model, version, try store.openForReading(at: found.path))
      }
      let location = try ModelLocation(model, version: version, mountpoint: mountpoint)
      if !FileManager.default.fileExists(atPath: location.path) { try explain(model, version, store, found.path) }
      return ModelPlace(location)
    } catch let error as StoreError where error.code == .noStore && found.reason == .usual {
      // Then nothing was ever kept there: the usual mountpoint may have the model.
      let location = try ModelLocation(model, version: version)
      if FileManager.default.fileExists(atPath: location.path) { return ModelPlace(location) }
      throw CommandFailure(
        .noInput,
        "there is no model \"\(model)\": no store is mounted, and there is none at \(found.path); --store names one, and a path "
          + "such as ./\(model) a folder with config.json and weights")
    }
  }

  /// Whether a mount can be read. Of one that hangs the store can be, directly.
  private static func answers(_ mountpoint: String) -> Bool {
    guard ControlFolder.version(at: mountpoint, within: StoreClient.patience) == .none else { return true }
    Console.note("the mount at \(mountpoint) does not answer: the store is read directly")
    return false
  }

  /// The model, or path, and the version. `mamba/v1.0` is a version if there is no such path.
  private static func words(_ word: String, _ version: String?) throws -> (model: String, version: String?) {
    let parts = word.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, ModelName(parts[0]) != nil, parts[1] == "active" || VersionName(parts[1]) != nil,
      !FileManager.default.fileExists(atPath: word)
    else { return (word, version) }
    return try VersionArguments.words(word, version)
  }

  /// A version of a store that is not mounted.
  private static func unmounted(_ model: String, _ word: String?, _ registry: WeightRegistry) throws -> ModelPlace {
    let model = try ModelName(validating: model)
    let version = try registry.records.version(called: word ?? "active", of: model)
    let bar = ProgressBar("\(model)/\(version)")
    defer { bar.finish() }
    let folder = try UnmountedVersion(
      model, version, files: companions, of: registry, in: FileManager.default.temporaryDirectory.path,
      progress: bar.handler)
    return ModelPlace(try ModelLocation(folder.path), folder, "\(model)/\(version)")
  }

  /// Throws what the records say of a model or version that is not in the mount, if they can be read and say something.
  private static func explain(_ model: String, _ word: String?, _ store: StoreOptions, _ path: String) throws {
    let records: RecordStore
    do throws(StoreError) { records = try store.openForReading(at: path).records } catch { return }
    _ = try records.version(called: word ?? "active", of: try ModelName(validating: model))
  }

  /// Whether the location may lead elsewhere later, and is to be looked at again.
  var mayMove: Bool { unmounted == nil }

  /// How to speak of a file of the model.
  func shown(_ path: String) -> String {
    guard let unmounted, let name, path.hasPrefix(unmounted.path + "/") else { return path }
    return name + path.dropFirst(unmounted.path.count)
  }
}
