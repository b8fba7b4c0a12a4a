/// Which containers of a graph lead to tensors of a state dict. Made in one pass, because asking each container anew would take
/// quadratic time in a graph of many aliases.
struct StateDictReach {
  private let holds: [Bool]
  private let optimizers: [Bool]
  private let listBase: Int
  private let dictionaryBase: Int

  init(_ graph: PickleGraph, _ budget: inout MemoryBudget) throws(FormatError) {
    let tupleCount = graph.tupleEnds.count
    let listBase = tupleCount
    let dictionaryBase = tupleCount + graph.lists.count
    self.listBase = listBase
    self.dictionaryBase = dictionaryBase
    let count = dictionaryBase + graph.dictionaries.count
    try budget.charge(10 * count)
    let optimizers = graph.dictionaries.map { StateDictReach.isOptimizerState($0, in: graph) }
    self.optimizers = optimizers

    // Parents of each container, as one array in which each container has a stretch.
    var holds = [Bool](repeating: false, count: count)
    var stretchEnds = [UInt32](repeating: 0, count: count + 1)
    func number(_ reference: PickleReference) -> Int? {
      switch reference.container {
      case .tuple(let index)?: index
      case .list(let index)?: listBase + index
      case .dictionary(let index)?: optimizers[index] ? nil : dictionaryBase + index
      default: nil
      }
    }
    func forEachLink(_ body: (_ parent: Int, _ reference: PickleReference) -> Void) {
      for index in 0..<tupleCount {
        for reference in graph.elements(ofTuple: index) { body(index, reference) }
      }
      for (index, list) in graph.lists.enumerated() {
        for reference in list { body(listBase + index, reference) }
      }
      for (index, dictionary) in graph.dictionaries.enumerated() {
        for position in stride(from: 1, to: dictionary.items.count, by: 2) {
          body(dictionaryBase + index, dictionary.items[position])
        }
      }
    }
    // Without tensors, numpy's arrays in dictionaries are what the file is about.
    let arraysCount = graph.tensors.isEmpty
    var linkCount = 0
    forEachLink { parent, reference in
      if let child = number(reference) {
        stretchEnds[child + 1] += 1
        linkCount += 1
      } else if reference.isTensor || arraysCount && reference.isArray && parent >= dictionaryBase, !holds[parent] {
        holds[parent] = true
      }
    }
    let temporary = 4 * (linkCount + count)
    try budget.charge(temporary)
    var pending: [UInt32] = []
    pending.reserveCapacity(count)
    for index in 0..<count where holds[index] { pending.append(UInt32(truncatingIfNeeded: index)) }
    for index in 1..<stretchEnds.count { stretchEnds[index] += stretchEnds[index - 1] }
    // Filling each stretch moves its start to its end, which is the next one's start.
    var parents = [UInt32](repeating: 0, count: linkCount)
    forEachLink { parent, reference in
      guard let child = number(reference) else { return }
      parents[Int(stretchEnds[child])] = UInt32(truncatingIfNeeded: parent)
      stretchEnds[child] += 1
    }
    while let next = pending.popLast() {
      let child = Int(next)
      if child >= dictionaryBase, optimizers[child - dictionaryBase] { continue }
      let start = child == 0 ? 0 : Int(stretchEnds[child - 1])
      for parent in parents[start..<Int(stretchEnds[child])] where !holds[Int(parent)] {
        holds[Int(parent)] = true
        pending.append(parent)
      }
    }
    self.holds = holds
    budget.release(temporary + 8 * count)
  }

  /// Whether `reference` is a container from which a tensor can be reached without passing through an optimizer's state.
  func holdsTensors(_ reference: PickleReference) -> Bool {
    switch reference.container {
    case .tuple(let index)?: holds[index]
    case .list(let index)?: holds[listBase + index]
    case .dictionary(let index)?: holds[dictionaryBase + index] && !optimizers[index]
    default: false
    }
  }

  /// Whether the dictionary is what `torch.optim.Optimizer.state_dict()` returns.
  private static func isOptimizerState(_ dictionary: PickleDictionary, in graph: PickleGraph) -> Bool {
    var hasState = false
    var hasGroups = false
    for position in stride(from: 0, to: dictionary.items.count - 1, by: 2) {
      guard let container = dictionary.items[position + 1].container,
        case .string(let text) = graph.value(dictionary.items[position])
      else { continue }
      switch container {
      case .dictionary where graph.text(text, equals: "state"): hasState = true
      case .list where graph.text(text, equals: "param_groups"): hasGroups = true
      default: continue
      }
    }
    return hasState && hasGroups
  }
}
