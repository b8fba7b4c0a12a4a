/// How a pickle refers to storages.
enum PickleDialect {
  /// No references: torch's small headers.
  case plain
  /// `('storage', class, key, location, element count)`.
  case zip
  /// The same with a sixth element: None, or `(key, offset, element count)` of a view.
  case legacy
  /// Either of the two.
  case any
}

/// What a pickle is read for.
enum PicklePurpose {
  /// Its tensors, and everything else must be data.
  case weights
  /// Its tensors alone. What belongs to programs is named and left out.
  case stateDict
  /// To know whether unpickling it makes data and nothing else. Long containers and texts are not kept.
  case judgement
}
