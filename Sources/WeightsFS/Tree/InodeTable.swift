import Synchronization

/// Which numbers stand for which nodes, and how often the kernel has looked each up.
///
/// A number is a hash of the node's path and edition, so that listings can tell it without making an entry, and it is the same after a
/// remount. Two nodes whose hashes are equal are kept apart by counting on; so are a folder that was removed, which the kernel may know
/// for as long as somebody has something in it open, and one that is made under its name.
final class InodeTable: Sendable {
  private struct Entry: Sendable {
    var node: Node
    var lookups: UInt64
    /// What was told of a file whose content never changes; it stays true when the file is gone from the tree.
    var attributes: FileAttributes?
  }

  private struct State: Sendable {
    var entries: [InodeNumber: Entry] = [:]
    var numbers: [Node: InodeNumber] = [:]
    /// Nodes that were renamed, and that the kernel has forgotten since: a file is the same one under its new name.
    var kept: [InodeNumber: Node] = [:]
    /// What has become of nodes for good, of late: a lookup may have seen one just before.
    var became: [Node: Node] = [:]
    /// atimes that somebody has set, in nanoseconds since 1970.
    var accessed: [Node: Int64] = [:]

    /// What a node is by now.
    func current(_ node: Node) -> Node { became[node] ?? node }

    /// A node is gone: it has neither a number nor an atime.
    mutating func release(_ node: Node) {
      accessed[node] = nil
      guard let number = numbers.removeValue(forKey: node) else { return }
      if kept[number] == node { kept[number] = nil }
    }

    /// Lets the number of a node stand for another.
    mutating func rename(_ node: Node, to renamed: Node) {
      let time = accessed.removeValue(forKey: node)
      release(renamed)
      accessed[renamed] = time
      guard let number = numbers.removeValue(forKey: node) else { return }
      numbers[renamed] = number
      entries[number]?.node = renamed
      if kept[number] == node { kept[number] = renamed }
    }
  }

  /// How many renamed nodes are kept that the kernel has forgotten, and how many atimes.
  private static let keptLimit = 1 << 16
  /// How many nodes are remembered that have become others.
  private static let becameLimit = 1 << 8

  private let state = Mutex(State())

  /// The number of `node`, with one lookup more.
  func lookUp(_ node: Node) -> InodeNumber {
    if node == .root { return .root }
    return state.withLock { state in
      let node = state.current(node)
      if let number = state.numbers[node] {
        if state.kept.removeValue(forKey: number) != nil { state.entries[number] = Entry(node: node, lookups: 0) }
        state.entries[number]?.lookups += 1
        return number
      }
      var number = Self.hash(node)
      while state.entries[number] != nil || state.kept[number] != nil { number.rawValue = max(2, number.rawValue &+ 1) }
      state.entries[number] = Entry(node: node, lookups: 1)
      state.numbers[node] = number
      return number
    }
  }

  /// What was told of an inode by ``remember(_:)``.
  func attributes(of number: InodeNumber) -> FileAttributes? {
    state.withLock { $0.entries[number]?.attributes }
  }

  /// The atime that somebody has set, in nanoseconds since 1970; nil if nobody has, or that is long ago.
  func accessed(_ node: Node) -> Int64? { state.withLock { $0.accessed[node] } }

  /// Keeps an atime that somebody has set.
  func note(accessed time: Int64, of node: Node) {
    state.withLock { state in
      if state.accessed.count >= Self.keptLimit, state.accessed[node] == nil { state.accessed = [:] }
      state.accessed[node] = time
    }
  }

  /// Keeps what is told of an inode for as long as the kernel knows it.
  func remember(_ attributes: FileAttributes) {
    state.withLock { $0.entries[attributes.inode]?.attributes = attributes }
  }

  /// Keeps nothing of an inode any more: it has become one whose content may change.
  func forgetAttributes(of node: Node) {
    state.withLock { state in
      if let number = state.numbers[node] { state.entries[number]?.attributes = nil }
    }
  }

  /// The number that `node` has or would get.
  func number(of node: Node) -> InodeNumber {
    if node == .root { return .root }
    return state.withLock { state in
      let node = state.current(node)
      return state.numbers[node] ?? Self.hash(node)
    }
  }

  /// The node behind a number; nil if the kernel has forgotten it.
  func node(_ number: InodeNumber) -> Node? {
    number == .root ? .root : state.withLock { $0.entries[number]?.node }
  }

  /// Takes lookups back.
  func forget(_ number: InodeNumber, count: UInt64) {
    state.withLock { state in
      guard let entry = state.entries[number] else { return }
      if entry.lookups > count {
        state.entries[number]?.lookups -= count
      } else {
        state.entries[number] = nil
        guard state.numbers[entry.node] == number else { return }
        if number == Self.hash(entry.node) || state.kept.count == Self.keptLimit {
          state.numbers[entry.node] = nil
        } else {
          state.kept[number] = entry.node
        }
      }
    }
  }

  /// Lets nodes that are gone keep the numbers that the kernel knows: what is made in their places gets others.
  func retire(_ isGone: (Node) -> Bool) {
    state.withLock { state in
      for (node, _) in state.numbers where isGone(node) { state.release(node) }
    }
  }

  /// Lets a node that is gone keep its number: what is made in its place gets another.
  func retire(_ node: Node) { state.withLock { $0.release(node) } }

  /// Lets the number of a node stand for another.
  func rename(_ node: Node, to renamed: Node) { state.withLock { $0.rename(node, to: renamed) } }

  /// Whether two nodes are the same file, the one before and the other after what ``note(_:became:)`` told of.
  func isSame(_ node: Node, _ other: Node) -> Bool {
    node == other || state.withLock { $0.current(node) == $0.current(other) }
  }

  /// Lets the number of a node stand for what it becomes for good: the same bytes, in another form.
  func note(_ node: Node, became other: Node) {
    state.withLock { state in
      if state.became.count == Self.becameLimit { state.became = [:] }
      state.became[node] = other
      if state.numbers[node] != nil { state.rename(node, to: other) }
    }
  }

  /// Lets numbers stand for nodes that were renamed.
  ///
  /// - Parameter newNode: what a node is now; nil for those that stay.
  func rename(_ newNode: (Node) -> Node?) {
    state.withLock { state in
      for node in Set(state.numbers.keys).union(state.accessed.keys) {
        if let renamed = newNode(node) { state.rename(node, to: renamed) }
      }
    }
  }

  /// How many inodes the kernel knows.
  var count: Int { state.withLock { $0.entries.count } }

  /// FNV-1a of path and edition; never 0 or 1, which mean nothing and the root.
  private static func hash(_ node: Node) -> InodeNumber {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in node.path.utf8 { add(byte) }
    for shift in stride(from: 0, to: 64, by: 8) where node.edition != 0 {
      add(UInt8(truncatingIfNeeded: node.edition >> UInt64(shift)))
    }
    return InodeNumber(rawValue: max(2, value))
  }
}
