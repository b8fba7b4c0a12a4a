/// The objects that a pickle has numbered, to refer to them again.
struct PickleMemo: ~Copyable {
  /// By number; `absent` where nothing was put.
  private var references: [PickleReference] = []
  /// What a judged pickle put where no pickler would.
  private var far: [Int: PickleReference] = [:]
  /// How many numbers are taken. MEMOIZE takes this one next.
  private(set) var count = 0

  /// Makes room for so many references.
  mutating func reserve(_ count: Int) { references.reserveCapacity(count) }

  mutating func put(
    _ reference: PickleReference, at index: Int, in heap: inout PickleHeap
  ) throws(FormatError) {
    // A pickler numbers what it memoizes, so an index beyond the number of opcodes is not from one.
    guard index <= heap.operations else {
      guard heap.purpose == .judgement, far.count < 1024 else {
        throw heap.error(.malformed, "a PUT to the memo at \(index), far beyond its end")
      }
      if far.updateValue(reference, forKey: index) == nil { count += 1 }
      return
    }
    if !far.isEmpty, far.removeValue(forKey: index) != nil { count -= 1 }
    if index >= references.count {
      let added = index + 1 - references.count
      try heap.chargeMemory(4 * added)
      references.append(contentsOf: repeatElement(.absent, count: added))
    }
    if references[index] == .absent { count += 1 }
    references[index] = reference
  }

  /// - Throws: `malformed` where nothing was put.
  func get(_ index: Int, in heap: inout PickleHeap) throws(FormatError) -> PickleReference {
    if !far.isEmpty, let reference = far[index] { return reference }
    guard index < references.count, references[index] != .absent else {
      throw heap.broken("a GET from the memo at \(index), where nothing was put")
    }
    return references[index]
  }

  /// Gives everything up, and its memory back.
  mutating func release(to heap: inout PickleHeap) {
    heap.releaseMemory(4 * references.count)
    self = PickleMemo()
  }
}
