/// Pickles one after the other, as programs write them into one file.
enum PickleSequence {
  /// Pickles that are looked at.
  private static let countLimit = 1 << 16

  /// Checks all pickles that a loader finds, until one is broken or the bytes end.
  ///
  /// - Parameter skipsArrays: whether arrays of joblib follow their descriptions.
  /// - Returns: whether there were descriptions of such arrays.
  static func check(_ stream: any ByteStream, what: String, skipsArrays: Bool) throws(FormatError) -> Bool {
    try check(PickleInput(stream, what: what), skipsArrays: skipsArrays)
  }

  static func check(_ input: PickleInput, skipsArrays: Bool) throws(FormatError) -> Bool {
    var input = input
    var hasArrays = false
    var hasStorages = false
    var isTorch = false
    var count = 0
    while try !input.isAtEnd() {
      switch try PickleMachine.judge(input, dialect: .any, skipsArrays: skipsArrays) {
      case .broken: return hasArrays
      case .inert(let digits, let storages, let arrays, let rest):
        if count == 0 { isTorch = digits == TorchLegacyFormat.magic }
        count += 1
        hasArrays = hasArrays || arrays
        hasStorages = hasStorages || storages
        // torch's legacy format: after magic number, version, system, objects and keys come the storages, which nobody unpickles.
        if isTorch, count == 5, hasStorages { return hasArrays }
        guard count < Self.countLimit else {
          throw FormatError(.limit, "\(input.what) has more than \(Self.countLimit) pickles")
        }
        input = rest
      }
    }
    return hasArrays
  }
}
