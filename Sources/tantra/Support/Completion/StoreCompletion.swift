import ArgumentParser
import FoundationEssentials
import FuseServer
import Logging
import StoreClient
import StoreRecords
import WeightFormats

/// What a shell offers where the name of something in the store is expected. It is quick, and says nothing if there is no store.
enum StoreCompletion {
  /// Names of models.
  static let models = CompletionKind.custom { words, index, prefix in complete(words, index, prefix, .models) }
  /// Names of models, and `MODEL/VERSION` once a slash is written.
  static let versionsOfModels = CompletionKind.custom { words, index, prefix in
    complete(words, index, prefix, .versionsOfModels)
  }
  /// Names of versions of the model that was written before.
  static let versions = CompletionKind.custom { words, index, prefix in complete(words, index, prefix, .versions) }
  /// As ``versionsOfModels``, but what is removed or replaced, and can be restored.
  static let editionsOfModels = CompletionKind.custom { words, index, prefix in
    complete(words, index, prefix, .editionsOfModels)
  }
  /// The same of the model that was written before.
  static let editions = CompletionKind.custom { words, index, prefix in complete(words, index, prefix, .editions) }
  /// A model, a policy, and a value of it.
  static let policies = CompletionKind.custom { words, index, prefix in complete(words, index, prefix, .policies) }
  /// Formats that export writes.
  static let formats = CompletionKind.list(WeightFormatCatalogue.views.map(\.name) + ["all"])
  /// Where stores are mounted.
  static let mountpoints = CompletionKind.custom { _, _, _ in
    do throws(MountError) {
      return try MountTable.current().tantraMounts.map(\.mountpoint)
    } catch {
      return []
    }
  }

  private enum Wanted {
    case models, versionsOfModels, versions, editionsOfModels, editions, policies
  }

  /// - Parameters:
  ///   - words: of the whole command line, the program's name first.
  ///   - index: which of them is completed.
  ///   - prefix: what is written of it.
  private static func complete(_ words: [String], _ index: Int, _ prefix: String, _ wanted: Wanted) -> [String] {
    let line = CommandLineWords(words, completing: index)
    do throws(StoreError) {
      let records = try RecordStore(
        path: storePath(line.store), access: .reading, logger: Logger(label: "tantra") { _ in SwiftLogNoOpLogHandler() }
      )
      return try names(wanted, line, prefix, records)
    } catch {
      // Whoever presses the key wants a word, and no message.
      return []
    }
  }

  private static func names(
    _ wanted: Wanted, _ line: CommandLineWords, _ prefix: String, _ records: RecordStore
  ) throws(StoreError) -> [String] {
    switch wanted {
    case .models: return models(of: records)
    case .versionsOfModels, .editionsOfModels:
      let ofEditions = wanted == .editionsOfModels
      guard let slash = prefix.firstIndex(of: "/") else { return models(of: records, withEditions: ofEditions) }
      guard let model = ModelName(prefix[..<slash]) else { return [] }
      return try (ofEditions ? editions(of: model, records) : versions(of: model, records)).map { "\(model)/\($0)" }
    case .versions, .editions:
      guard let model = line.before.first.flatMap({ ModelName($0) }) else { return [] }
      return try wanted == .editions ? editions(of: model, records) : versions(of: model, records)
    case .policies:
      let before = line.before
      if before.isEmpty, !line.isStoreWide { return models(of: records) }
      let words = line.isStoreWide ? before[...] : before.dropFirst()
      guard let key = words.first else { return PolicyKey.allCases.map(\.rawValue) }
      return words.count == 1 ? PolicyKey(rawValue: key)?.examples ?? [] : []
    }
  }

  private static func models(of records: RecordStore, withEditions: Bool = false) -> [String] {
    if withEditions {
      do throws(StoreError) {
        return try records.backups.models().map(\.text)
      } catch {
        return []
      }
    }
    // By the names of folders: reading what is in each takes longer than a key may take.
    return records.modelFolders.sorted().map(\.text)
  }

  private static func versions(of model: ModelName, _ records: RecordStore) throws(StoreError) -> [String] {
    try records.listing(of: model).published.keys.sorted().map(\.text)
      + records.aliases(of: model).keys.sorted().map(\.text)
  }

  private static func editions(of model: ModelName, _ records: RecordStore) throws(StoreError) -> [String] {
    let kept = try records.backups.editions(of: model)
    let names = Set(kept.map(\.version)).subtracting(try records.listing(of: model).published.keys).sorted()
    return names.map(\.text) + kept.map(\.description).sorted()
  }

  // MARK: The store

  /// The folder of the store, as a command finds it, but no mount is waited for.
  private static func storePath(_ named: String?) -> String {
    StoreLocation.named(named) ?? mountedStore() ?? StoreLocation.usual
  }

  /// The store of the first mount that says at once which it is.
  private static func mountedStore() -> String? {
    let table: MountTable
    do throws(MountError) { table = try MountTable.current() } catch { return nil }
    for case .version(let version) in ControlFolder.versions(
      at: table.tantraMounts.map(\.mountpoint), within: .milliseconds(20))
    {
      return version.store
    }
    return nil
  }
}

/// The words of a command line that is being written.
private struct CommandLineWords {
  /// What `--store` says.
  private(set) var store: String?
  /// The arguments before the one that is being written, without the command, options and their values.
  private(set) var before: [String] = []
  private(set) var isStoreWide = false

  init(_ words: [String], completing index: Int) {
    var isValue = false
    for (place, word) in words.enumerated().dropFirst(2) {
      if words[place - 1] == "--store", place != index { store = unquoted(word) }
      if word.hasPrefix("--store=") { store = unquoted(String(word.dropFirst(8))) }
      if word == "--store-wide" { isStoreWide = true }
      guard place < index else { continue }
      if isValue {
        isValue = false
      } else if word.hasPrefix("-"), word != "-" {
        isValue = Self.takesValue(word)
      } else {
        before.append(unquoted(word))
      }
    }
  }

  /// Whether an option is followed by a value: one of those that may stand before a name.
  private static func takesValue(_ option: String) -> Bool {
    ["--store", "--format", "--to", "--model", "--version", "--older-than", "--keep", "--exec", "--prompt"].contains(
      option)
  }

  /// A word without the marks that keep a shell from cutting it.
  private func unquoted(_ word: String) -> String {
    let bare = word.filter { $0 != "\"" && $0 != "'" && $0 != "\\" }
    guard bare.hasPrefix("~/"), let home = ProcessInfo.processInfo.environment["HOME"] else { return bare }
    return home + bare.dropFirst()
  }
}
