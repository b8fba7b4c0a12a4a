extension Manifest {
  /// What a manifest has to be, before anything is made of it.
  ///
  /// - Throws: `damaged`, naming the file.
  package func checkConsistency() throws(StoreError) {
    func fail(_ path: String, _ why: String) -> StoreError {
      StoreError(.damaged, "the manifest of \(model)/\(version) is damaged: the file \(path.debugDescription) \(why)")
    }
    for file in files + (earlier ?? []).map(\.file) {
      if let why = FilePurpose.problem(ofPath: file.path) ?? file.problem { throw fail(file.path, why) }
      guard file.isSettled else { throw fail(file.path, "is not in the store") }
    }
    for file in weights {
      if let why = FilePurpose.problem(ofPath: file.path, allowsViews: true) { throw fail(file.path, why) }
      if file.byteCount < 0 { throw fail(file.path, "has a negative size") }
    }
    for (view, byteCount) in main?.views ?? [:] where byteCount < 0 {
      throw fail("model.\(view)", "has a negative size")
    }
    for path in folders {
      if let why = FilePurpose.problem(ofPath: path) { throw fail(path, why) }
    }
    guard revision >= 0, revision < .max else { throw fail("", "belongs to a revision that cannot be") }
    let sizes = (files + (earlier ?? []).map(\.file)).map(\.byteCount) + weights.map(\.byteCount) + viewSizes
    guard sizes.reduce((0, false), { $0.1 ? $0 : $0.0.addingReportingOverflow($1) }).1 == false else {
      throw fail("", "and others have more bytes together than a disk can")
    }
  }
}
