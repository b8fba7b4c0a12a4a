import StoreRecords
import WeightRegistry

extension WithheldFile {
  /// What people are told of a file that was left out: why, by which policy, and what lets it out.
  static func message(_ path: String, _ reason: String, of model: ModelName) -> String {
    "\(path) was left out, for unpickling it could run code: \(reason); so says the policy pickles of \(model), and "
      + "\"tantra config \(model) pickles allow\" lets such files out"
  }

  /// What people are told of a file that is kept and does not open.
  func notice(of model: ModelName) -> String {
    "\(path) is kept and does not open, for unpickling it could run code: \(reason); \"tantra config \(model) pickles allow\" "
      + "lets it be opened"
  }
}
