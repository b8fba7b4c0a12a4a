import PosixIO
package import StoreRecords
import Synchronization
import Tensors
import WeightFormats
package import WeightRegistry

/// Offers what is computed of versions, and opens it. Reads tables and the small files beside weights, never tensor data.
///
/// What was found out of a content is kept, as long as it is small: the same content always offers the same.
package final class DerivedCatalogue: Sendable {
  /// Tensors that a version may have: their names and places are held in memory.
  private static let tensorLimit = 100_000
  /// Listings that are kept.
  private static let listingLimit = 4096

  /// Names of the types that GGUF files are offered in.
  package static let ggufTypes = GGUFType.offered.map(\.name)

  private let views: ViewCatalogue
  private let records: RecordStore
  private let components: ComponentViews
  private let listings = Mutex<[Digest: DerivedListing]>([:])
  private let models = LastModel()

  package init(_ registry: WeightRegistry) {
    views = registry.views
    records = registry.records
    components = ComponentViews(registry)
  }

  /// What is offered of a version; nil for a draft.
  package func listing(of folder: VersionFolder) throws(StoreError) -> DerivedListing? {
    guard let manifest = folder.manifest else { return nil }
    var listing = DerivedListing(content: Table.emptyDigest, files: [], missing: [])
    if let source = DerivedSource(folder) {
      listing = try computed(source)
      listing.files += companions(folder, listing)
    }
    let components = try components.files(of: manifest)
    listing.files += components.filter { listing.file($0.path) == nil }
    return listing
  }

  private func computed(_ source: DerivedSource) throws(StoreError) -> DerivedListing {
    let content = source.content
    if let known = listings.withLock({ $0[content] }) { return known }
    let listing = try list(source)
    listings.withLock { listings in
      if listings.count >= Self.listingLimit { listings = [:] }
      listings[content] = listing
    }
    return listing
  }

  /// Opens a file that ``listing(of:)`` has.
  ///
  /// - Throws: `unknownView` if it is not offered, saying why.
  package func open(_ path: String, of folder: VersionFolder) throws(StoreError) -> VersionView {
    if let manifest = folder.manifest, let view = try components.open(path, of: manifest) { return view }
    guard let source = DerivedSource(folder) else {
      throw Self.notOffered(path, of: folder, "it has no state dict of its own")
    }
    if let name = QuantizedFolders.names.first(where: { path.hasPrefix($0 + "/") }),
      companions(folder, try computed(source)).contains(where: { $0.path == path }),
      let file = folder.file(at: String(path.dropFirst(name.count + 1)))
    {
      return try views.open(file)
    }
    guard source.tensorCount <= Self.tensorLimit else {
      throw Self.notOffered(path, of: folder, "it has too many tensors")
    }
    return try views.derived(path, of: source.content) { () throws(StoreError) in
      let table = try records.table(source.table)
      let tensors = try views.tensors(of: table)
      do throws(DerivedFailure) {
        let file = try DerivedFiles(source, table, views, models).file(at: path)
        return try DerivedFailure.catching { () throws(Withheld) in try file.view(over: tensors) }
      } catch {
        switch error {
        case .store(let error): throw error
        case .withheld(let why): throw Self.notOffered(path, of: folder, why.description)
        }
      }
    }
  }

  private static func notOffered(_ path: String, of folder: VersionFolder, _ why: String) -> StoreError {
    StoreError(.unknownView, "\(folder.model)/\(folder.version) has no \(path): \(why)")
  }

  private func list(_ source: DerivedSource) throws(StoreError) -> DerivedListing {
    guard source.tensorCount <= Self.tensorLimit else {
      let reason = "it has \(source.tensorCount) tensors, more than the \(Self.tensorLimit) of which files are computed"
      return DerivedListing(content: source.content, files: [], missing: [.init(path: "model-*.gguf", reason: reason)])
    }
    let table = try records.table(source.table)
    defer { FreeMemory.giveBack(afterWorkOn: table.stateDict.tensors.count) }
    return try DerivedFiles(source, table, views, models).all()
  }

  /// The files that travel with the version, in each folder that a program loads a model from.
  private func companions(_ folder: VersionFolder, _ listing: DerivedListing) -> [DerivedListing.File] {
    QuantizedFolders.names.flatMap { name -> [DerivedListing.File] in
      guard listing.file("\(name)/config.json") != nil else { return [] }
      return folder.publishedFiles.compactMap { file in
        guard let digest = file.digest, folder.content(at: file.path) == .file(file), file.path != "config.json",
          !file.path.hasSuffix(".index.json")
        else { return nil }
        return .init(
          path: "\(name)/\(file.path)", byteCount: file.byteCount, types: [], content: digest, isComputed: false)
      }
    }
  }
}

/// Why a derived file cannot be made: because of the store, or because there is none.
enum DerivedFailure: Error {
  case store(StoreError)
  case withheld(Withheld)

  static func catching<R>(_ body: () throws(Withheld) -> R) throws(DerivedFailure) -> R {
    do throws(Withheld) { return try body() } catch { throw .withheld(error) }
  }
}
