/// Which containers of a graph lead to tensors of a state dict. Made in one pass, because asking each container anew would take
/// quadratic time in a graph of many aliases.
struct StateDictReach {
  private let holds: [Bool]
  private let optimizers: [Bool]
  private let listBase: Int
  private let dictionaryBase: Int

  init(_ graph: PickleGraph) {
    let tupleCount = graph.tupleEnds.count
    let listBase = tupleCount
    let dictionaryBase = tupleCount + graph.lists.count
    self.listBase = listBase
    self.dictionaryBase = dictionaryBase
    let count = dictionaryBase + graph.dictionaries.count
    let optimizers = graph.dictionaries.map { StateDictReach.isOptimizerState($0, in: graph) }
    self.optimizers = optimizers

    // Parents of each container, as one array in which each container has a stretch.
    var holds = [Bool](repeating: false, count: count)
    var stretchEnds = [Int32](repeating: 0, count: count + 1)
    func number(_ value: PickleValue) -> Int? {
      switch value {
      case .tuple(let index): index
      case .list(let index): listBase + index
      case .dictionary(let index): optimizers[index] ? nil : dictionaryBase + index
      default: nil
      }
    }
    func forEachLink(_ body: (_ parent: Int, _ value: PickleValue) -> Void) {
      for index in 0..<tupleCount { for value in graph.elements(ofTuple: index) { body(index, value) } }
      for (index, list) in graph.lists.enumerated() { for value in list { body(listBase + index, value) } }
      for (index, dictionary) in graph.dictionaries.enumerated() {
        for position in stride(from: 1, to: dictionary.items.count, by: 2) {
          body(dictionaryBase + index, dictionary.items[position])
        }
      }
    }
    var pending: [Int] = []
    forEachLink { parent, value in
      if let child = number(value) { stretchEnds[child + 1] += 1 }
      if case .tensor = value, !holds[parent] {
        holds[parent] = true
        pending.append(parent)
      }
    }
    for index in 1..<stretchEnds.count { stretchEnds[index] += stretchEnds[index - 1] }
    var parents = [Int32](repeating: 0, count: Int(stretchEnds[count]))
    var next = stretchEnds
    forEachLink { parent, value in
      guard let child = number(value) else { return }
      parents[Int(next[child])] = Int32(truncatingIfNeeded: parent)
      next[child] += 1
    }
    while let child = pending.popLast() {
      if child >= dictionaryBase, optimizers[child - dictionaryBase] { continue }
      for parent in parents[Int(stretchEnds[child])..<Int(stretchEnds[child + 1])] where !holds[Int(parent)] {
        holds[Int(parent)] = true
        pending.append(Int(parent))
      }
    }
    self.holds = holds
  }

  /// Whether `value` is a container from which a tensor can be reached without passing through an optimizer's state.
  func holdsTensors(_ value: PickleValue) -> Bool {
    switch value {
    case .tuple(let index): holds[index]
    case .list(let index): holds[listBase + index]
    case .dictionary(let index): holds[dictionaryBase + index] && !optimizers[index]
    default: false
    }
  }

  /// Whether the dictionary is what `torch.optim.Optimizer.state_dict()` returns.
  private static func isOptimizerState(_ dictionary: PickleDictionary, in graph: PickleGraph) -> Bool {
    var hasState = false
    var hasGroups = false
    for position in stride(from: 0, to: dictionary.items.count - 1, by: 2) {
      guard case .string(let text) = dictionary.items[position] else { continue }
      switch dictionary.items[position + 1] {
      case .dictionary where graph.text(text, equals: "state"): hasState = true
      case .list where graph.text(text, equals: "param_groups"): hasGroups = true
      default: continue
      }
    }
    return hasState && hasGroups
  }
}
