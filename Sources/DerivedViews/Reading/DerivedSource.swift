import StoreRecords
import Tensors
import WeightFormats
import WeightRegistry

/// What derived files are made of, by digests: which table, and which files beside it.
struct DerivedSource: Sendable {
  /// The largest file that is read beside the weights, in bytes.
  private static let fileByteLimit = 64 << 20
  private static let configurationName = "config.json"
  private static let modulesName = "modules.json"
  /// How the folders' files end that say how sentence-transformers makes one vector of a text, and how many are read.
  private static let poolingSuffix = "Pooling/config.json"
  private static let poolingLimit = 16

  let name: String
  let table: Digest
  let tensorCount: Int
  /// Stands for all of it.
  let content: Digest
  private let folder: VersionFolder
  private let files: [String: FolderFile]
  private let otherTokenizers: [String]

  /// nil if the version has no main state dict.
  init?(_ folder: VersionFolder) {
    guard let main = folder.manifest?.main else { return nil }
    self.folder = folder
    table = main.table
    tensorCount = main.tensorCount
    name = folder.model.text
    var files: [String: FolderFile] = [:]
    let poolings = folder.publishedFiles.map(\.path).filter { $0.hasSuffix(Self.poolingSuffix) }
    for path in [Self.configurationName, Self.modulesName] + TokenizerFiles.names
      + poolings.sorted().prefix(Self.poolingLimit)
    {
      if case .file(let file) = folder.content(at: path), file.link == nil { files[path] = file }
    }
    self.files = files
    otherTokenizers = TokenizerFiles.otherNames.filter { folder.content(at: $0) != nil }
    var text = "\(DerivedSource.formatVersion)\n\(main.table)\n\(name)\n\(otherTokenizers)\n"
    for (path, file) in files.sorted(by: { $0.key < $1.key }) {
      let bytes = file.digest?.hexadecimal ?? "\(file.upload ?? "?") \(file.byteCount) \(file.modified)"
      text += "\(path) \(bytes)\n"
    }
    content = Digest(of: Array(text.utf8))
  }

  /// Rises when files are made in another way: what the kernel keeps of them is not theirs then.
  private static let formatVersion = 2

  /// Reads what there is.
  func input(_ table: Table, _ views: ViewCatalogue) throws(DerivedFailure) -> ModelInput {
    var tokenizer = TokenizerFiles()
    tokenizer.tokenizer = try json("tokenizer.json", views)
    tokenizer.configuration = try json("tokenizer_config.json", views)
    tokenizer.chatTemplate = try bytes("chat_template.jinja", views).map { String(decoding: $0, as: UTF8.self) }
    tokenizer.sentencePieces = try bytes("tokenizer.model", views)
    tokenizer.addedTokens = try bytes("added_tokens.json", views)
    tokenizer.words = try bytes("vocab.txt", views)
    tokenizer.others = otherTokenizers
    var modules: [String: [UInt8]] = [:]
    for path in files.keys where path == Self.modulesName || path.hasSuffix(Self.poolingSuffix) {
      modules[path] = try bytes(path, views)
    }
    return ModelInput(
      name: name, stateDict: table.stateDict,
      digests: table.stateDict.tensors.indices.map { table.digest(ofTensor: $0) },
      configuration: try json(Self.configurationName, views), tokenizer: tokenizer, modules: modules,
      indices: table.tensorIndices)
  }

  private func json(_ path: String, _ views: ViewCatalogue) throws(DerivedFailure) -> JSONDocument? {
    guard let bytes = try bytes(path, views) else { return nil }
    return try DerivedFailure.catching { () throws(Withheld) in try JSONDocument(parsing: bytes, of: path) }
  }

  private func bytes(_ path: String, _ views: ViewCatalogue) throws(DerivedFailure) -> [UInt8]? {
    guard let file = files[path] else { return nil }
    guard file.digest != nil else { throw .withheld(Withheld("\(path) is still being written")) }
    guard file.byteCount <= Self.fileByteLimit else {
      throw .withheld(
        Withheld("\(path) has \(file.byteCount) bytes, more than the \(Self.fileByteLimit) that are read"))
    }
    let view: VersionView
    do throws(StoreError) { view = try views.open(file) } catch { throw .store(error) }
    do throws(FormatError) {
      return try view.bytes(at: 0, count: file.byteCount, what: path)
    } catch {
      throw .store(StoreError(error, file: "\(folder.model)/\(folder.version)/\(path)"))
    }
  }
}
