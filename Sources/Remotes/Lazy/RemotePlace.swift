import StoreRecords
import Synchronization

/// A remote that is opened when it is first needed, and again if that failed: a mount lives without it.
final class RemotePlace: Sendable {
  let reference: RemoteReference
  private let plainHTTP: Bool
  private let opened = Mutex<(any RemoteStore)?>(nil)

  init(_ reference: RemoteReference, plainHTTP: Bool) {
    self.reference = reference
    self.plainHTTP = plainHTTP
  }

  /// What it is called in messages.
  var name: String { reference.placeText }

  func open() throws(StoreError) -> any RemoteStore {
    if let known = opened.withLock({ $0 }) { return known }
    let remote = try reference.open(plainHTTP: plainHTTP)
    return opened.withLock { opened in
      if let known = opened { return known }
      opened = remote
      return remote
    }
  }
}
