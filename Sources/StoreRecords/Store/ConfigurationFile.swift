import Glibc
import PosixIO
import Synchronization

/// `weight_config.json`, which transactions of all models write, one after another.
final class ConfigurationFile: Sendable {
  private let store: StoreFolder
  private let lock = RankedLock(.configuration)
  private let text = Mutex(WeightConfigText())

  init(_ store: StoreFolder) { self.store = store }

  /// Reads it. A switch to a version that has come takes effect.
  static func read(_ store: StoreFolder) throws(StoreError) -> WeightConfig {
    let found = try ifThere(try store.root.contents(of: StoreFolder.configName, limit: WeightConfig.byteLimit))
    guard let bytes = found else { return WeightConfig() }
    var config: WeightConfig
    do throws(StoreError) {
      config = try decode(bytes)
    } catch  where error.code == .damaged {
      throw StoreError(
        .damaged,
        "\(error); put an earlier \(store.path)/\(StoreFolder.configName) in its place, or remove it and choose the active "
          + "versions again with tantra set-active: no weights are lost with it")
    }
    for (model, record) in config.models {
      guard let change = record.pending, try store.listing(of: model).published[change.to] != nil else { continue }
      config.models[model]?.completeSwitch()
    }
    return config
  }

  private static func decode(_ bytes: [UInt8]) throws(StoreError) -> WeightConfig {
    do throws(StoreError) {
      let config = try WeightConfig.read(bytes)
      try StoreUpgrade.Header(format: config.format).check()
      return config
    } catch  where error.code == .damaged {
      // That of another format may look like anything but for its header.
      try StoreCoding.decode(StoreUpgrade.Header.self, from: bytes, what: StoreFolder.configName).check()
      throw error
    }
  }

  /// Changes what is decided about a model, durably; takes effect in memory then.
  ///
  /// - Returns: what was decided before, and what is now.
  func change(
    _ model: ModelName, in cache: RecordCache, _ change: (inout WeightConfig.Model) -> Void
  ) throws(StoreError) -> (before: WeightConfig.Model, after: WeightConfig.Model) {
    try lock.withLock { () throws(StoreError) in
      var config = cache.withLock { $0.config }
      let before = config.models[model] ?? .init()
      var after = before
      change(&after)
      config.models[model] = after
      try write(config)
      let decided = after
      cache.withLock { memory in
        // Of other models a switch may have taken effect meanwhile, with a manifest.
        memory.config.models[model] = decided
        memory.generation += 1
      }
      return (before, decided)
    }
  }

  /// Changes what is decided about all models, durably; takes effect in memory then.
  ///
  /// - Throws: what `change` throws; nothing has changed then.
  func changePolicies(
    in cache: RecordCache, _ change: (inout PolicySettings) throws(StoreError) -> Void
  ) throws(StoreError) {
    try lock.withLock { () throws(StoreError) in
      var config = cache.withLock { $0.config }
      try change(&config.policies)
      try write(config)
      let policies = config.policies
      cache.withLock { memory in
        memory.config.policies = policies
        memory.generation += 1
      }
    }
  }

  private func write(_ config: WeightConfig) throws(StoreError) {
    let staging = try store.stagingForWriting
    let bytes = try text.withLock { (text: inout sending WeightConfigText) in
      Result { () throws(StoreError) in try text.bytes(of: config) }
    }.get()
    guard bytes.count <= WeightConfig.byteLimit else {
      throw StoreError(.system(errno: EFBIG), "\(StoreFolder.configName) cannot become larger")
    }
    try posix(try store.root.replace(StoreFolder.configName, with: bytes, staging: staging))
  }
}
