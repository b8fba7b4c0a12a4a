/// Tells whether unpickling a file could do more than make data.
package enum PickleSafety {
  /// - Throws: what is not known for inert in a pickle or a torch file; nothing for a file that is neither.
  package static func check(_ source: any ByteSource) throws(FormatError) {
    let head = try source.bytes(at: 0, count: min(64, source.byteCount), what: "the file's beginning")
    if head.starts(with: [0x50, 0x4B]) { return try TorchZipFormat().checkPickle(of: source) }
    if TorchLegacyFormat().recognizes(head, byteCount: source.byteCount) {
      // Several pickles in a row, all of which torch loads.
      _ = try TorchLegacyFormat().parse(source)
      return
    }
    let budget = MemoryBudget(MemoryBudget.torchLimit)
    do throws(FormatError) {
      _ = try PickleMachine.run(PickleInput(source, at: 0, what: "the pickle", budget: budget), dialect: .plain)
    } catch {
      // Bytes that no unpickler gets through do nothing, and without the mark of a pickle most such files are none.
      let isNone = error.code == .malformed || error.code == .truncated
      guard isNone, head.first != 0x80 else { throw error }
    }
  }
}
