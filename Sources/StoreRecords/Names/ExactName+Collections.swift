import HashTreeCollections

// Names are looked up by strings.

extension TreeDictionary where Key == ExactName {
  subscript(name: String) -> Value? {
    get { self[ExactName(name)] }
    _modify { yield &self[ExactName(name)] }
  }
}

extension TreeSet where Element == ExactName {
  func contains(_ name: String) -> Bool { contains(ExactName(name)) }
  mutating func insert(_ name: String) { insert(ExactName(name)) }
  mutating func remove(_ name: String) { remove(ExactName(name)) }
}
