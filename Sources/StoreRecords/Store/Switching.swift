/// What becomes of `active` when a version is published.
package enum Switching: Sendable {
  /// The version becomes active.
  case always
  /// The version becomes active if the model has no active link.
  case ifNone
  /// Nothing: the version was there before.
  case never
}
