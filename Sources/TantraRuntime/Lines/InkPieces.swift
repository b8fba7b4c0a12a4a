/// The connected pieces of a page's ink: letters, parts of letters, and specks.
struct InkPieces {
  /// A piece's extent.
  struct Piece {
    var left: Int
    var right: Int
    var top: Int
    var bottom: Int
    var area: Int

    var height: Int { bottom - top + 1 }
    var size: Int { max(right - left + 1, height) }
  }

  /// Ink side by side in a row.
  private struct Run {
    var row: Int
    var columns: Range<Int>
  }

  private let width: Int
  private var runs: [Run] = []
  /// Of each run, a run of the same piece that came before it, or itself; when all are known, the number of its piece.
  private var parents: [Int] = []
  private var pieces: [Piece] = []

  /// - Parameter mask: 1 for ink, (height, width). Pixels whose corners meet are connected.
  init(_ mask: [UInt8], width: Int, height: Int) {
    self.width = width
    var above = 0..<0
    mask.withUnsafeBufferPointer { mask in
      for row in 0..<height {
        let first = runs.count
        var column = 0
        while column < width {
          guard mask[row * width + column] != 0 else {
            column += 1
            continue
          }
          let start = column
          while column < width, mask[row * width + column] != 0 { column += 1 }
          parents.append(runs.count)
          runs.append(Run(row: row, columns: start..<column))
        }
        join(first..<runs.count, with: above)
        above = first..<runs.count
      }
    }
    // Parents come before their children, so they know their piece by then.
    for (index, run) in runs.enumerated() {
      let (left, right) = (run.columns.lowerBound, run.columns.upperBound - 1)
      guard parents[index] != index else {
        parents[index] = pieces.count
        pieces.append(Piece(left: left, right: right, top: run.row, bottom: run.row, area: run.columns.count))
        continue
      }
      let number = parents[parents[index]]
      parents[index] = number
      pieces[number].left = min(pieces[number].left, left)
      pieces[number].right = max(pieces[number].right, right)
      pieces[number].bottom = max(pieces[number].bottom, run.row)
      pieces[number].area += run.columns.count
    }
  }

  /// Joins runs with those of the row above that they touch; both from left to right.
  private mutating func join(_ lower: Range<Int>, with above: Range<Int>) {
    var upper = above.lowerBound
    for index in lower {
      let columns = runs[index].columns
      while upper < above.upperBound, runs[upper].columns.upperBound < columns.lowerBound { upper += 1 }
      var at = upper
      while at < above.upperBound, runs[at].columns.lowerBound <= columns.upperBound {
        let (a, b) = (root(of: index), root(of: at))
        parents[max(a, b)] = min(a, b)
        at += 1
      }
    }
  }

  private mutating func root(of index: Int) -> Int {
    var index = index
    while parents[index] != index {
      parents[index] = parents[parents[index]]
      index = parents[index]
    }
    return index
  }

  /// The height of letters: the median of the pieces' heights, each counted as often as it has pixels.
  var letterHeight: Int {
    let sorted = pieces.sorted { $0.height < $1.height }
    let total = sorted.reduce(0) { $0 + $1.area }
    var passed = 0
    for piece in sorted {
      passed += piece.area
      if 2 * passed >= total { return piece.height }
    }
    return 0
  }

  /// The mask without specks.
  ///
  /// - Parameter share: pieces smaller than this share of a letter's height, in both directions, are specks.
  func mask(height: Int, withoutSpecksBelow share: Double) -> [UInt8] {
    let least = share * Double(letterHeight)
    var mask = [UInt8](repeating: 0, count: width * height)
    for (index, run) in runs.enumerated() {
      guard Double(pieces[parents[index]].size) >= least else { continue }
      for column in run.columns { mask[run.row * width + column] = 1 }
    }
    return mask
  }

  /// How many pieces are smaller than that share of a letter's height, for each that is not.
  func specks(below share: Double) -> Double {
    let least = share * Double(letterHeight)
    let small = pieces.reduce(0) { $0 + (Double($1.size) < least ? 1 : 0) }
    return Double(small) / Double(max(1, pieces.count - small))
  }
}
