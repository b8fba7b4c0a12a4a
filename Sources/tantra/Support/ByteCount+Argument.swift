import ArgumentParser
import Tensors

extension ByteCount: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }

  package var defaultValueDescription: String { description }
}
