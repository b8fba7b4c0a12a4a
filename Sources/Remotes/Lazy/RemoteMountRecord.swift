import PosixIO
import StoreRecords
import SystemPackage
import Tensors

/// What a cache remembers of its remote, so that it can be mounted while that is away: `remote.json`.
struct RemoteMountRecord: Codable, Sendable, Hashable {
  private static let name = "remote.json"

  /// The place, without tag: a cache has one.
  var place: String
  /// Where each tag pointed to when it was mounted last.
  var tags: [String: OCIDigest] = [:]
  /// Manifests of the versions that were mounted, oldest first.
  var versions: [OCIDigest] = []

  init(place: String) { self.place = place }

  /// Whether there is no folder for a cache yet.
  static func isMissing(below path: String) throws(StoreError) -> Bool {
    do throws(PosixError) {
      _ = try Folder.open(path)
      return false
    } catch {
      guard error.errno == .noSuchFileOrDirectory else { throw StoreError(error) }
      return true
    }
  }

  /// The one in a folder; nil if there is none.
  static func read(in folder: Folder) throws(StoreError) -> RemoteMountRecord? {
    guard try posix(try folder.status(of: name)) != nil else { return nil }
    let bytes = try posix(try folder.contents(of: name, limit: 16 << 20))
    return try StoreCoding.decode(Self.self, from: bytes, what: "\(folder.path)/\(name)")
  }

  func write(in folder: Folder) throws(StoreError) {
    let bytes = try StoreCoding.encode(self, pretty: true)
    try posix(try folder.replace(Self.name, with: bytes, staging: folder))
  }
}
