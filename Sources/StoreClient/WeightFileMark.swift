/// What a program can say of a weight file that it is writing into a mount, by an extended attribute.
package enum WeightFileMark {
  /// The file is refused if its version is published with other weights: no edition is retired for it.
  package static let makesNoEdition = "user.tantra.no_edition"
}
