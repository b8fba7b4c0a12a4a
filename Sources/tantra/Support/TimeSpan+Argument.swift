import ArgumentParser
import StoreRecords

/// A length of time on the command line.
extension TimeSpan: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }

  package var defaultValueDescription: String { text }
}
