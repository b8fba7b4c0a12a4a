import Foundation

/// The folder of the test runner, where the programs that were built with it are.
package enum ProgramFolder {
  package static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().path
}
