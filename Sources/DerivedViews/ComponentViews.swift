import StoreRecords
import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

/// The other formats of components: of `unet/diffusion_pytorch_model.safetensors` a `.pt` and a `.bin` beside it, lossless as the views of
/// the main state dict are.
final class ComponentViews: Sendable {
  /// Components of which the sizes are kept.
  private static let limit = 4096

  private let views: ViewCatalogue
  private let records: RecordStore
  /// By table: bytes of each view that can hold it.
  private let sizes = Mutex<[Digest: [String: Int]]>([:])

  init(_ registry: WeightRegistry) {
    views = registry.views
    records = registry.records
  }

  func files(of manifest: Manifest) throws(StoreError) -> [DerivedListing.File] {
    var files: [DerivedListing.File] = []
    for component in manifest.components {
      guard let table = component.table else { continue }
      let sizes = try sizes(of: table)
      for view in WeightFormatCatalogue.views {
        guard let size = sizes[view.name], let path = Self.path(of: component, view), manifest.weightFile(path) == nil,
          !files.contains(where: { $0.path == path })
        else { continue }
        files.append(.init(path: path, byteCount: size, types: [], content: table))
      }
    }
    return files
  }

  /// Opens a file that ``files(of:)`` has; nil for others.
  func open(_ path: String, of manifest: Manifest) throws(StoreError) -> VersionView? {
    guard try files(of: manifest).contains(where: { $0.path == path }) else { return nil }
    for component in manifest.components {
      for view in WeightFormatCatalogue.views where Self.path(of: component, view) == path {
        if let table = component.table {
          return try views.open(view, of: table, "\(manifest.model)/\(manifest.version)")
        }
      }
    }
    return nil
  }

  /// The component's path with another extension; nil if it has that one itself.
  private static func path(of component: WeightRecord, _ view: ViewFormat) -> String? {
    guard let dot = component.path.lastIndex(of: "."), !component.path[dot...].contains("/") else { return nil }
    let path = component.path[..<dot] + ".\(view.name)"
    return path == component.path ? nil : String(path)
  }

  private func sizes(of digest: Digest) throws(StoreError) -> [String: Int] {
    if let known = sizes.withLock({ $0[digest] }) { return known }
    let table = try records.table(digest)
    var found: [String: Int] = [:]
    for view in WeightFormatCatalogue.views {
      do throws(FormatError) {
        found[view.name] = try view.format.byteCount(of: table.stateDict)
      } catch {
        // A format that cannot hold it is not offered.
      }
    }
    let sizes = found
    self.sizes.withLock { known in
      if known.count >= Self.limit { known = [:] }
      known[digest] = sizes
    }
    return sizes
  }
}
