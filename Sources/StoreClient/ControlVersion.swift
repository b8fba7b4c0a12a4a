/// What `.control/version` says: who serves a mount. It never changes while the mount lives, and nothing has to be read to tell it.
///
///     tantra 0.1.0
///     protocol 1
///     store /home/ada/.local/share/tantra
package struct ControlVersion: Sendable, Hashable {
  /// The version of this program.
  package static let program = "0.1.0"
  /// Rises when requests and replies are no longer understood by both sides.
  package static let currentProtocol = 1
  /// Name of the control file.
  package static let fileName = "version"

  package var program: String
  /// nil if it speaks none of which this program knows.
  package var `protocol`: Int?
  /// The folder of the store that is served.
  package var store: String

  /// What this program says of a mount of `store`.
  package init(servingStoreAt store: String) {
    program = Self.program
    `protocol` = Self.currentProtocol
    self.store = store
  }

  /// Reads what a mount says of itself; a line that is missing is no mistake: older programs have none.
  package init(_ text: String) {
    var fields: [Substring: String] = [:]
    // A path may hold a newline: the store comes last, and is all that is left.
    let lines = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
    for line in lines {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2 { fields[parts[0]] = String(parts[1]) }
    }
    program = fields["tantra"] ?? "?"
    `protocol` = fields["protocol"].flatMap { Int($0) }
    store = fields["store"].map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 } ?? ""
  }

  /// What the control file reads.
  package var text: String { "tantra \(program)\nprotocol \(`protocol` ?? 0)\nstore \(store)\n" }
}
