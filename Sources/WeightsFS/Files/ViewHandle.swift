import StoreRecords
import WeightRegistry

/// An open file whose bytes never change.
struct ViewHandle: OpenHandle {
  let view: VersionView
  let node: Node
  /// Under which its use is counted; nil if it is not.
  private let key: Metrics.Key?
  private let metrics: Metrics
  private let stream: ReadStream
  private let opened = ContinuousClock.now

  init(_ view: VersionView, _ node: Node, _ key: Metrics.Key?, _ metrics: Metrics) {
    self.view = view
    self.node = node
    self.key = key
    self.metrics = metrics
    stream = ReadStream(view)
  }

  var copySource: CopySource? { CopySource(view: view, node: node) }

  func read(offset: Int, count: Int) -> [Stretch] {
    stream.advance(to: offset, count: count)
    let stretches = view.stretches(offset: offset, count: count)
    if let key { metrics.read(key, bytes: stretches.reduce(0) { $0 + $1.byteCount }) }
    return stretches
  }

  func release() {
    stream.finish()
    if let key { metrics.closed(key, after: opened.duration(to: .now)) }
  }
}
