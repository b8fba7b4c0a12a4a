package import Tensors
package import WeightFormats

/// A check of a version that a higher layer contributes to validation.
package protocol VersionChecker: Sendable {
  /// What the check is called in a report: `shapes`.
  var name: String { get }

  /// Checks a version.
  ///
  /// - Parameters:
  ///   - file: the content of an ordinary file of the version by path; nil if it has none of that path.
  ///   - weights: opens a view of the weights.
  func check(
    tensors: [TensorDescriptor], file: (String) -> [UInt8]?, weights: () throws -> any ByteSource
  ) -> CheckOutcome
}

/// What came of a check.
package enum CheckOutcome: Sendable, Hashable {
  case passed(String)
  /// It does not apply, and why.
  case skipped(String)
  /// Each problem in a sentence.
  case failed([String])
}
