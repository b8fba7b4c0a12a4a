import PosixIO

extension Ingest {
  /// Forces what is staged to disk, as the commit would, but a stretch at a time: who no longer wants it need not wait for
  /// gigabytes.
  ///
  /// - Parameter progress: asked, with 0 bytes, whether to go on; if not this throws `EINTR`.
  package borrowing func settle(_ progress: RangeScanner.Progress) throws(BlobStoreError) {
    do throws(PosixError) {
      try file.synchronize(unless: { !progress(0) })
    } catch {
      throw .system(error)
    }
  }
}
