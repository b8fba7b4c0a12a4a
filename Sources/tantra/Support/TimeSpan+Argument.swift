import ArgumentParser

/// A length of time as people write it: `30d`, `12h`, `15m`, `10s`.
struct Age: ExpressibleByArgument {
  let seconds: Int64

  init(seconds: Int64) { self.seconds = seconds }

  init?(argument: String) {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let last = argument.last, let unit = units[last], let count = Int64(argument.dropLast()), count >= 0,
      // A century is long enough, and far from overflow in nanoseconds.
      count <= 100 * 366 * 86_400 / unit
    else { return nil }
    seconds = count * unit
  }

  var defaultValueDescription: String { "\(seconds)s" }
}
