import WeightFormats

/// A policy by the name under which people set it: what it decides, and which values it takes.
package enum PolicyKey: String, Sendable, CaseIterable, Codable {
  case keep
  case validateBeforeActivate = "validate-before-activate"
  case verifyBeforeActivate = "verify-before-activate"
  case follow
  case pickles
  case frozen
  case compress
  case restorable
  case restorableCheckpoints = "restorable-checkpoints"
  case defaultFormat = "default-format"

  /// What it decides, for people.
  package var explanation: String {
    switch self {
    case .keep: "how many versions cleanup leaves when --keep is not given"
    case .validateBeforeActivate:
      "whether set-active, rollback and import --active validate a version first, and refuse one with damage"
    case .verifyBeforeActivate: "which key has to have signed versions that are pulled; others are refused"
    case .follow: "which tag of a remote a mounted store follows: what it points to is pulled and made active"
    case .pickles: "whether files beside the weights that are pickles, and would run code, can be opened"
    case .frozen: "which versions' files are neither changed, replaced, renamed nor removed"
    case .compress:
      "which versions a mounted store compresses by itself, so that they take less room and are read more slowly; the active one is "
        + "never among them"
    case .restorable: "how long a removed version can be restored before a mounted store purges it by itself"
    case .restorableCheckpoints: "the same for training checkpoints"
    case .defaultFormat: "the format that export writes when --format is not given"
    }
  }

  /// Which values it takes, for people.
  package var values: String {
    switch self {
    case .keep: "a number, or none"
    case .validateBeforeActivate: "yes or no"
    case .verifyBeforeActivate: "the absolute path of a public key, or off"
    case .follow: "a remote with a tag, as ghcr.io/team/mamba:live or oci:/srv/models:live, or off"
    case .pickles: ModelPolicies.Pickles.allCases.map(\.rawValue).joined(separator: " or ")
    case .frozen: "always, chosen (made active, given an alias, or backed up) or never"
    case .compress: "no, removed (those that can only be restored) or inactive (also those that no link leads to)"
    case .restorable, .restorableCheckpoints: "a time (10s, 15m, 12h, 7d, 1w), or forever"
    case .defaultFormat: WeightFormatCatalogue.views.map(\.name).joined(separator: ", ") + " or all"
    }
  }

  /// Values that it takes: all of them, or some where there is no end of them.
  package var examples: [String] {
    switch self {
    case .keep: ["3", "5", "10", "none"]
    case .validateBeforeActivate: ["yes", "no"]
    case .verifyBeforeActivate, .follow: ["off"]
    case .pickles: ModelPolicies.Pickles.allCases.map(\.rawValue)
    case .frozen: ["always", "chosen", "never"]
    case .compress: ModelPolicies.Compress.allCases.map(\.rawValue)
    case .restorable, .restorableCheckpoints: ["30m", "12h", "7d", "1w", "forever"]
    case .defaultFormat: WeightFormatCatalogue.views.map(\.name) + ["all"]
    }
  }

  /// What holds where nobody has set it.
  package var defaultValue: String {
    switch self {
    case .keep: "none"
    case .validateBeforeActivate: "no"
    case .verifyBeforeActivate, .follow: "off"
    case .pickles: ModelPolicies.Pickles.quarantine.rawValue
    case .frozen: ModelPolicies.Frozen.chosen.rawValue
    case .compress: ModelPolicies.Compress.no.rawValue
    case .restorable: "7d"
    case .restorableCheckpoints: "1h"
    case .defaultFormat: "safetensors"
    }
  }

  /// Its name in `weight_config.json`.
  var recordName: String {
    switch self {
    case .validateBeforeActivate: "validatesBeforeActivating"
    case .verifyBeforeActivate: "verifyBeforeActivating"
    case .restorableCheckpoints: "restorableCheckpoints"
    case .defaultFormat: "defaultFormat"
    case .keep, .follow, .pickles, .frozen, .compress, .restorable: rawValue
    }
  }

  /// - Throws: `invalidName`, with what there is.
  package init(validating text: String) throws(StoreError) {
    guard let key = PolicyKey(rawValue: text) else {
      throw StoreError(
        .invalidName,
        "there is no policy \"\(text)\"" + NearMatch.hint(for: text, among: PolicyKey.allCases.map(\.rawValue)))
    }
    self = key
  }

  /// A value that people wrote, as it is shown; nil for one that the policy does not take.
  func value(_ text: String) -> String? {
    switch self {
    case .keep: text == "none" ? text : Int(text).flatMap { $0 >= 0 ? String($0) : nil }
    case .validateBeforeActivate: ["yes": "yes", "true": "yes", "no": "no", "false": "no"][text]
    case .verifyBeforeActivate: text == "off" || text.hasPrefix("/") && !text.contains("\0") ? text : nil
    case .follow: text == "off" || text.contains(":") && text.utf8.allSatisfy { $0 > 0x20 } ? text : nil
    case .pickles: ModelPolicies.Pickles(rawValue: text)?.rawValue
    case .frozen: ModelPolicies.Frozen(rawValue: text)?.rawValue
    case .compress: ModelPolicies.Compress(rawValue: text)?.rawValue
    case .restorable, .restorableCheckpoints: text == "forever" ? text : TimeSpan(text)?.text
    case .defaultFormat: text == "all" || WeightFormatCatalogue.view(named: text) != nil ? text : nil
    }
  }
}
