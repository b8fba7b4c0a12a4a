package import WeightFormats

extension VersionView {
  /// Why reading the file with a program that unpickles could run code; nil if it is data. Its content decides, not its name.
  ///
  /// - Throws: `unreadable`, if the bytes cannot be read now.
  package func danger() throws(FormatError) -> String? {
    do throws(FormatError) {
      try PickleSafety.check(self)
      return nil
    } catch {
      if error.code == .unreadable { throw error }
      return error.message
    }
  }
}
