/// The lines that say what a file carries beside its state dict. There are at most a thousand; the rest is counted.
struct StateDictExtras {
  private static let lineLimit = 1000

  private var listed: [String] = []
  private var unlistedCount = 0

  /// Whether there is nothing to say.
  var isEmpty: Bool { listed.isEmpty }

  /// The lines, in order.
  var lines: [String] { unlistedCount == 0 ? listed : listed + ["... and \(unlistedCount) more"] }

  /// Whether further lines are only counted, so that making them up is wasted.
  var isFull: Bool { listed.count == StateDictExtras.lineLimit }

  /// Adds `name: description`.
  mutating func add(_ name: String, _ description: String) {
    guard !isFull else {
      unlistedCount += 1
      return
    }
    listed.append(name.printable + ": " + description)
  }

  /// Adds a line about what is kept under `key` in the container named by `prefix`.
  ///
  /// - Parameter description: what is said of it; a few words about the value if nil.
  mutating func note(
    _ prefix: String, _ key: PickleReference, _ description: String? = nil, of value: PickleReference,
    in graph: PickleGraph
  ) {
    note(isFull ? "" : prefix + graph.label(key), description, of: value, in: graph)
  }

  /// Adds a line about what is kept at `path`.
  mutating func note(_ path: String, _ description: String? = nil, of value: PickleReference, in graph: PickleGraph) {
    add(path, isFull ? "" : description ?? graph.describe(value))
  }

  /// Adds the attributes of a dictionary that is not the state dict itself.
  mutating func noteAttributes(ofDictionary index: Int, prefix: String, in graph: PickleGraph) {
    guard let attributes = graph.dictionaries[index].attributes else { return }
    let items = graph.dictionaries[attributes].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      note(prefix + "(attribute) ", items[position], of: items[position + 1], in: graph)
    }
  }
}
