/// Tells whether unpickling a file could do more than make data.
package enum PickleSafety {
  /// - Throws: what is not inert in a pickle or a torch file; nothing for a file that is neither.
  package static func check(_ source: any ByteSource) throws(FormatError) {
    let head = try source.bytes(at: 0, count: min(4, source.byteCount), what: "the file's beginning")
    if head.starts(with: [0x50, 0x4B]) {
      do throws(FormatError) {
        _ = try TorchZipFormat().parse(source)
      } catch  where error.code == .unsupported {
        // Inert, but not weights: a scheduler's state has no tensors.
      }
      return
    }
    let budget = MemoryBudget(MemoryBudget.torchLimit)
    let input = PickleInput(source, at: 0, what: "the pickle", budget: budget)
    do throws(FormatError) {
      _ = try PickleMachine.run(input, dialect: .plain)
    } catch {
      // Without the mark of a pickle most files are none: only what the machine knows for unsafe counts.
      guard head.first == 0x80 || error.code == .forbidden || error.code == .limit else { return }
      // The torch format before the zip archive is several pickles in a row.
      do throws(FormatError) {
        let (format, _) = try WeightFormatCatalogue.parse(source)
        if format is TorchLegacyFormat { return }
      } catch  where error.code == .unsupported {
        return
      }
      throw error
    }
  }
}
