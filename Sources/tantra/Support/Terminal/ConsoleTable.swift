import WeightRegistry

/// Columns, wide enough for their widest cell; the last is not padded.
///
/// In a terminal that is too narrow the table loses columns, and a line below it says which. Everywhere else it is whole.
struct ConsoleTable {
  /// What the head calls the columns, and the cells below.
  let header: [String]
  let rows: [[String]]
  /// Names of the columns that are given up first, in this order. After them go the last ones; the first column always stays.
  var givingUp: [String] = []
  /// The column that says what is active.
  var mark: Int?

  /// A column with less room is left out rather than cut.
  private static let narrowest = 10

  /// A column as it is shown.
  private struct Column {
    let index: Int
    var width: Int
  }

  func text(for terminal: Terminal) -> String {
    var columns = header.indices.map { column in
      Column(index: column, width: ([header] + rows).map { $0[column].count }.max() ?? 0)
    }
    let notes = terminal.width.map { fit(&columns, into: $0) } ?? []
    let lines = ([header] + rows).enumerated().map { number, row in
      line(row, columns, isHead: number == 0, for: terminal)
    }
    return (lines + notes).joined(separator: "\n")
  }

  private func line(_ row: [String], _ columns: [Column], isHead: Bool, for terminal: Terminal) -> String {
    columns.enumerated().map { position, column in
      let cell = row[column.index]
      let shown = cell.count > column.width ? cell.prefix(column.width - 3) + "..." : cell
      let padded = position == columns.count - 1 ? shown : shown.padded(to: column.width)
      if isHead { return terminal.styled(padded, .head) }
      return column.index == mark && marks(cell) ? terminal.styled(padded, .active) : padded
    }.joined(separator: "  ")
  }

  /// Whether a cell of the column for it says that something is active: by the word, or by the name of what is.
  private func marks(_ cell: String) -> Bool {
    cell.split(separator: " ").contains("active") || mark.map { header[$0] } == "ACTIVE" && cell != "-"
  }

  // MARK: Narrow terminals

  /// Makes the columns fit.
  ///
  /// - Returns: lines that say what is missing.
  private func fit(_ columns: inout [Column], into width: Int) -> [String] {
    var (gone, cut): ([String], [String]) = ([], [])
    while columns.count > 1, Self.width(of: columns) > width {
      let expendable = givingUp.compactMap { name in columns.firstIndex { header[$0.index] == name } }.first
      let place = expendable ?? columns.count - 1
      let room = columns[place].width - (Self.width(of: columns) - width)
      let name = header[columns[place].index]
      if expendable == nil, room >= max(Self.narrowest, name.count), canBeCut(columns[place]) {
        columns[place].width = room
        cut.append(name)
      } else {
        columns.remove(at: place)
        gone.append(name)
      }
    }
    func named(_ names: [String]) -> String { names.map { $0.isEmpty ? "a column" : $0 }.joined(separator: ", ") }
    let parts = [gone.isEmpty ? nil : "without \(named(gone))", cut.isEmpty ? nil : "\(named(cut)) cut"].compactMap(
      \.self)
    return parts.isEmpty ? [] : ["(\(parts.joined(separator: ", ")); | cat shows all)"]
  }

  private static func width(of columns: [Column]) -> Int {
    columns.reduce(0) { $0 + $1.width } + 2 * (columns.count - 1)
  }

  /// Whether a part of its cells tells something: a part of a number would tell something else.
  private func canBeCut(_ column: Column) -> Bool { !rows.contains { $0[column.index].first?.isNumber == true } }
}
