import BlobStore
import PosixIO
import WeightFormats

/// Runs a step of PosixIO and turns its error into the registry's.
func posix<R>(_ body: @autoclosure () throws(PosixError) -> R) throws(RegistryError) -> R {
  do throws(PosixError) { return try body() } catch { throw RegistryError(error) }
}

/// Runs a step of the blob store and turns its error into the registry's.
func blobStore<R: ~Copyable>(_ body: @autoclosure () throws(BlobStoreError) -> R) throws(RegistryError) -> R {
  do throws(BlobStoreError) { return try body() } catch { throw RegistryError(error) }
}

/// Runs a step on a file's content and turns its error into the registry's, which names the file.
func parsing<R>(_ file: String, _ body: @autoclosure () throws(FormatError) -> R) throws(RegistryError) -> R {
  do throws(FormatError) { return try body() } catch { throw RegistryError(error, file: file) }
}
