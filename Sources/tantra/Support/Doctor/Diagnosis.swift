/// What one check of `tantra doctor` found.
struct Diagnosis: Encodable {
  enum Outcome: String, Encodable {
    case ok, warn, fail
  }

  /// `fuse device`, `store`.
  var name: String
  var outcome: Outcome
  /// What is there, or what is wrong.
  var found: String
  /// What to do about it; nil if nothing has to be done.
  var fix: String?

  static func ok(_ name: String, _ found: String) -> Diagnosis { Diagnosis(name: name, outcome: .ok, found: found) }

  /// Works, but less well, or not for everybody.
  static func warn(_ name: String, _ found: String, fix: String) -> Diagnosis {
    Diagnosis(name: name, outcome: .warn, found: found, fix: fix)
  }

  /// Does not work.
  static func fail(_ name: String, _ found: String, fix: String) -> Diagnosis {
    Diagnosis(name: name, outcome: .fail, found: found, fix: fix)
  }
}
