import Logging

/// What validations have found damaged, and nobody has mended since.
package struct KnownDamage: Sendable {
  let records: RecordStore

  private var notes: DamageNotes { DamageNotes(folder: records.store.staging) }

  /// The last note of each version that is there.
  ///
  /// - Parameter model: nil for all.
  package func callAsFunction(of model: ModelName? = nil) -> [DamageNote] {
    // That notes cannot be read is no reason to tell nothing else.
    let notes: [DamageNote]
    do throws(StoreError) { notes = try self.notes.notes() } catch { return [] }
    var last: [DamageNote] = []
    for note in notes where (model ?? note.model) == note.model && records.contains(note.model, note.version) {
      last.removeAll { $0.concerns(note.model, note.version) }
      last.append(note)
    }
    return last.sorted { ($0.model, $0.version) < ($1.model, $1.version) }
  }

  /// Tells those who watch the store that a validation has found damage. Nothing, if it is open for reading only.
  package func note(_ damage: DamageNote) {
    guard !records.isReader else { return }
    do throws(StoreError) { try notes.add(damage) } catch {
      records.logger.warning("those who watch the store are not told of the damage: \(error)")
    }
    records.feed.announce([], number: records.cache.withLock { $0.generation })
  }

  /// Takes back what is noted of the damage of a version: it is mended.
  package func forget(_ model: ModelName, _ version: VersionName) {
    guard !records.isReader else { return }
    do throws(StoreError) { try notes.remove(model, version) } catch {
      records.logger.warning("\(model)/\(version) is intact, and is still noted as damaged: \(error)")
    }
  }
}

extension RecordStore {
  package var knownDamage: KnownDamage { KnownDamage(records: self) }
}
