import Foundation
import TantraRuntime

/// Loading of the same model from several places, in turns.
struct LoadComparison {
  private let folders: [String]
  private static let rounds = 15

  init(_ folders: [String]) { self.folders = folders }

  /// Prints, for each folder, the first load and the best and the median of those that follow, in milliseconds.
  func report() throws {
    var times = [[Double]](repeating: [], count: folders.count)
    for _ in 0...Self.rounds {
      for (index, folder) in folders.enumerated() {
        let time = try ContinuousClock().measure {
          let model = try LoadedModel(resolved: try ModelLocation(folder).resolved()) { print($0) }
          try MambaSession(model.weights).feed(0)
        }
        times[index].append(time / .milliseconds(1))
      }
    }
    for (folder, times) in zip(folders, times) {
      let later = times.dropFirst().sorted()
      print(
        String(
          format: "load and first token: first %.2f ms, then best %.2f ms, median %.2f ms  %@", times[0], later[0],
          later[later.count / 2], folder))
    }
  }
}
