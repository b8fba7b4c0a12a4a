import StoreRecords
import WeightRegistry

/// An open file of a version.
struct OpenView: Sendable {
  let view: VersionView
  let node: Node
  /// Under which its use is counted; nil if it is not.
  let key: Metrics.Key?
  let stream: ReadStream
  let opened = ContinuousClock.now

  init(_ view: VersionView, _ node: Node, _ key: Metrics.Key?) {
    self.view = view
    self.node = node
    self.key = key
    stream = ReadStream(view)
  }
}
