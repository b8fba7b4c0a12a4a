/// What a store is opened for.
package enum StoreAccess: Sendable {
  /// Looks, changes nothing, takes no lock.
  case reading
  /// Takes the store's lock and makes missing folders; `mountpoint` goes into the lock file.
  case writing(mountpoint: String? = nil)
}
