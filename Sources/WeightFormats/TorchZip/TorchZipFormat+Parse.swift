extension TorchZipFormat {
  /// Reads the archive's directory and interprets the pickle.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    throw FormatError(.unsupported, "torch zip files are not read yet")
  }
}
