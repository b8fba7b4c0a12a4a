package import StoreRecords

/// What validation of a version found.
package struct ValidationReport: Sendable, Hashable, Codable {
  /// One thing that was looked at.
  package struct Check: Sendable, Hashable, Codable {
    package enum Outcome: String, Sendable, Codable {
      case passed, skipped, failed
    }
    /// The name of the check of what is stored.
    package static let blobs = "blobs"

    /// ``blobs``, `model.pt`, `shapes`.
    package var name: String
    package var outcome: Outcome
    /// What was found; each problem in a line.
    package var details: [String]

    package init(_ name: String, _ outcome: Outcome, _ details: [String]) {
      self.name = name
      self.outcome = outcome
      self.details = details
    }
  }

  package var model: ModelName
  package var version: VersionName
  package var checks: [Check]

  package init(model: ModelName, version: VersionName, checks: [Check] = []) {
    self.model = model
    self.version = version
    self.checks = checks
  }

  /// Whether no check failed.
  package var isValid: Bool { checks.allSatisfy { $0.outcome != .failed } }

  /// Whether stored bytes are not what they were: then importing them again mends the version.
  package var findsDamage: Bool { checks.contains { $0.name == Check.blobs && $0.outcome == .failed } }

  /// A table for people: a line a check, problems below it.
  package var text: String {
    var lines = ["\(model)/\(version): \(isValid ? "valid" : "INVALID")"]
    let width = checks.map(\.name.count).max() ?? 0
    for check in checks {
      let name = check.name.padded(to: width)
      let outcome = check.outcome.rawValue.padded(to: 7)
      if check.outcome == .failed {
        lines.append("  \(name)  \(outcome)")
        lines += check.details.map { "    - \($0)" }
      } else {
        lines.append("  \(name)  \(outcome)  \(check.details.joined(separator: "; "))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension String {
  /// The text with spaces up to `width` characters.
  package func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

extension Int {
  /// `1 file`, `2 files`.
  func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
