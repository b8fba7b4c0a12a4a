package import PosixIO
package import StoreRecords
package import Tensors

extension RemoteReference {
  /// Opens the place.
  ///
  /// - Parameters:
  ///   - creating: whether a folder that is not there is made.
  ///   - plainHTTP: whether others on the way to a registry may read what is sent.
  /// - Throws: `noStore` if there is nothing.
  package func open(creating: Bool = false, plainHTTP: Bool = false) throws(StoreError) -> any RemoteStore {
    switch place {
    case .layout(let folder): try LayoutFolder(folder, creating: creating)
    case .registry(let host, let repository):
      try Registry(host: host, repository: repository, plainHTTP: plainHTTP)
    case .mirror(let url): try StaticMirror(url: url, plainHTTP: plainHTTP)
    }
  }

  /// The digest of the manifest that is meant.
  ///
  /// - Throws: `unknownVersion` if there is no such tag; `invalidName` if none is named.
  package func resolve(in remote: any RemoteStore, unless interruption: Interruption) throws(StoreError) -> Digest {
    switch pick {
    case .digest(let digest): return digest
    case .tag(let tag):
      if let digest = try remote.digest(of: tag, unless: interruption) { return digest }
      let tags = try remote.tags(unless: interruption)
      let known = tags.isEmpty ? "it has none" : NearMatch.hint(for: tag, among: tags)
      throw StoreError(
        .unknownVersion, "\(remote.name) has no tag \"\(tag)\"" + (tags.isEmpty ? ": \(known)" : known))
    case nil: throw StoreError(.invalidName, "which tag of \(self)? Write \(self):TAG")
    }
  }
}
