package import StoreRecords

/// What an import would do, found out without writing anything.
package struct RehearsedImport: Sendable, Hashable, Codable {
  /// What becomes of a file.
  package enum Fate: String, Sendable, Hashable, Codable {
    /// The main state dict: every format of it appears.
    case weights
    /// Weights that are served as they were written.
    case component
    /// Weights of a format that is kept unread.
    case unread
    case ordinary
    /// Kept, and not opened: unpickling it could run code.
    case quarantined
    /// The import fails because of it.
    case refused
  }

  /// What becomes of the version.
  package enum Outcome: String, Sendable, Hashable, Codable {
    /// It is new.
    case published
    /// It is there with these weights: files are added.
    case extended
    /// Nothing happens, because something is refused.
    case refused
  }

  package struct File: Sendable, Hashable, Codable {
    /// Where it lies now.
    package var source: String
    /// Its path in the version.
    package var path: String
    package var fate: Fate
    /// The format of a weight file.
    package var format: String?
    package var tensorCount: Int?
    package var parameterCount: Int?
    /// Why, where that is not plain.
    package var reason: String?
    /// A path that would be accepted, for one that is not.
    package var proposal: String?

    init(_ source: String, _ path: String, _ fate: Fate) {
      (self.source, self.path, self.fate) = (source, path, fate)
    }
  }

  package var model: ModelName
  package var version: VersionName
  package var outcome: Outcome
  package var files: [File] = []
  /// Names of the views that the version has then.
  package var views: [String] = []
  /// Whether it would be active.
  package var isActive = false
  /// Why it is refused.
  package var reason: String?
  package private(set) var refusal: StoreError?

  private enum CodingKeys: CodingKey {
    case model, version, outcome, files, views, isActive, reason
  }

  package static func == (a: Self, b: Self) -> Bool {
    (a.model, a.version, a.outcome, a.files, a.views) == (b.model, b.version, b.outcome, b.files, b.views)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(files) }

  init(_ request: ImportRequest) {
    (model, version, outcome) = (request.model, request.version, .published)
  }

  /// Notes why the import fails. The first reason is the one that it would give.
  mutating func refuse(_ error: StoreError, _ file: File? = nil) {
    if var file {
      (file.fate, file.reason) = (.refused, error.message)
      files.append(file)
    }
    outcome = .refused
    if refusal == nil { (refusal, reason) = (error, error.message) }
  }

  /// Notes that the import fails because of a file that is told of already.
  mutating func refuse(_ error: StoreError, path: String?) {
    if let index = files.firstIndex(where: { $0.path == path }) {
      (files[index].fate, files[index].reason) = (.refused, error.message)
    }
    refuse(error)
  }
}
