import Tensors

/// The tensors of a model by name, in order. A value: changing one changes no other and nothing in the store.
public struct StateDict: Sendable {
  fileprivate struct Entry: Sendable {
    var name: String
    var tensor: Tensor
  }

  private var entries: [Entry] = []
  /// Names that differ only in Unicode normalization are different ones, so they are looked up by their bytes.
  private var indices: [ByteString: Int] = [:]

  /// A state dict without tensors.
  public init() {}

  /// A state dict of `tensors`, in that order; of several with one name the last counts.
  public init(_ tensors: some Sequence<(String, Tensor)>) {
    for (name, tensor) in tensors { self[name] = tensor }
  }

  /// How many tensors there are.
  public var count: Int { entries.count }

  /// The names of the tensors, in order.
  public var names: [String] { entries.map(\.name) }

  /// Elements over all tensors.
  public var parameterCount: Int { entries.reduce(0) { $0 + $1.tensor.elementCount } }

  /// The tensor of that name; nil if there is none. A new name comes last; setting nil removes the tensor, in O(count).
  public subscript(name: String) -> Tensor? {
    get { indices[ByteString(name)].map { entries[$0].tensor } }
    set {
      let key = ByteString(name)
      switch (indices[key], newValue) {
      case (let index?, let tensor?): entries[index].tensor = tensor
      case (nil, let tensor?):
        indices[key] = entries.count
        entries.append(Entry(name: name, tensor: tensor))
      case (let index?, nil):
        entries.remove(at: index)
        indices = Dictionary(uniqueKeysWithValues: entries.enumerated().map { (ByteString($1.name), $0) })
      case (nil, nil): break
      }
    }
  }
}

extension StateDict: Sequence {
  /// Name and tensor of each entry, in order.
  public struct Iterator: IteratorProtocol {
    private var entries: IndexingIterator<[Entry]>

    fileprivate init(_ entries: [Entry]) { self.entries = entries.makeIterator() }

    /// The next entry; nil after the last.
    public mutating func next() -> (name: String, tensor: Tensor)? { entries.next().map { ($0.name, $0.tensor) } }
  }

  /// Begins at the first entry.
  public func makeIterator() -> Iterator { Iterator(entries) }
}
