import FoundationEssentials
import PosixIO
import StoreRecords
import SystemPackage
import WeightFormats
import WeightRegistry

/// What the files named on a command line become: weight files with the model and version of each, and the files beside them.
///
/// A folder is a version of its own. Files that are named one by one belong together.
struct ImportPlan {
  private(set) var requests: [ImportRequest] = []

  /// Files that were named together: a folder's, or those outside folders.
  private struct Group {
    /// nil for files that were named one by one.
    var folder: String?
    var weights: [String] = []
    var others: [ImportRequest.OtherFile] = []
  }

  /// What is said of all files.
  private struct Names {
    var model: String?
    var version: String?
  }

  /// - Parameters:
  ///   - paths: weight files, files beside them, or folders of both.
  ///   - model: for all files; else taken from professional names.
  ///   - version: likewise; a folder that is named as trainers name checkpoints gives its own name; the first version of a model
  ///     is v1.0.
  /// - Throws: what is unclear, and how to say it.
  init(
    _ paths: [String], model: String?, version: String?, checkpoint: Bool, active: Bool, records: RecordStore
  ) throws {
    let names = Names(model: model, version: version)
    var loose = Group()
    var folders: [Group] = []
    for path in paths {
      guard FileManager.default.fileExists(atPath: path) else {
        throw CommandFailure(.noInput, "\(path): No such file or directory")
      }
      if Self.isFolder(path) {
        folders.append(try Self.files(in: FilePath(path).string))
      } else if Self.view(of: path) != nil {
        loose.weights.append(path)
      } else {
        loose.others.append(.init(source: path, path: FilePath(path).lastComponent?.string ?? path))
      }
    }
    // A GGUF file goes with other weights; without any it is the weights.
    if loose.weights.isEmpty, folders.allSatisfy(\.weights.isEmpty) {
      loose.weights = loose.others.map(\.source).filter(Self.isGGUF)
      loose.others.removeAll { Self.isGGUF($0.source) }
    }
    // What is named beside one folder without weights of its own goes with that folder.
    if folders.count == 1, loose.weights.isEmpty || folders[0].weights.isEmpty {
      folders[0].weights += loose.weights
      folders[0].others += loose.others
      loose = Group()
    }
    let isLooseEmpty = loose.weights.isEmpty && loose.others.isEmpty
    for group in (isLooseEmpty ? [] : [loose]) + folders {
      let made = try Self.requests(for: group, names, records)
      try requireOwnVersion(made, of: group)
      requests += made
    }
    try requireOwnPaths()
    for index in requests.indices {
      requests[index].activating = active
      requests[index].isCheckpoint = checkpoint
    }
  }

  /// - Throws: if a folder would become a version that something else becomes too.
  private func requireOwnVersion(_ made: [ImportRequest], of group: Group) throws {
    guard let folder = group.folder else { return }
    for request in made where requests.contains(where: { $0.model == request.model && $0.version == request.version }) {
      throw CommandFailure(
        .usage,
        "\(folder) would become \(request.model)/\(request.version), as something else that was named: each folder is a version "
          + "of its own; import one at a time, with --version NAME")
    }
  }

  /// - Throws: if two files would become the same file of a version.
  private func requireOwnPaths() throws {
    var sources: [[String]: String] = [:]
    for request in requests {
      let target = [request.model.text, request.version.text, request.path]
      if let other = sources.updateValue(request.source, forKey: target) {
        throw CommandFailure(
          .usage,
          "\(other) and \(request.source) would both become \(target.joined(separator: "/")); import one at a time, "
            + "with --version NAME")
      }
    }
  }

  private static func requests(
    for group: Group, _ names: Names, _ records: RecordStore
  ) throws -> [ImportRequest] {
    var group = group
    if group.weights.isEmpty { try takeShard(of: &group) }
    guard !group.weights.isEmpty else {
      throw CommandFailure(
        .badData,
        (group.folder.map { "no file in \($0)" } ?? "none of the files")
          + " holds weights and has a weight file's extension (.safetensors, .pt, .pth, .bin, .ckpt or .gguf)"
      )
    }
    var requests: [ImportRequest] = []
    for path in group.weights {
      let (model, version) = try target(of: path, in: group, names, records)
      requests.append(
        ImportRequest(
          model: model, version: version, source: path, path: try Self.path(of: path, in: group)))
    }
    let targets = Set(requests.map { "\($0.model)/\($0.version)" })
    guard group.others.isEmpty || targets.count == 1 else {
      throw CommandFailure(
        .usage,
        "\(group.others[0].source) could belong to \(targets.sorted().joined(separator: " or ")); "
          + "import one version at a time")
    }
    requests[0].files = group.others
    return requests
  }

  /// Makes the last shard of a folder the one that brings the others, and their index, along.
  private static func takeShard(of group: inout Group) throws {
    guard let index = group.others.first(where: { ShardIndex.names.contains($0.path) }),
      let last = try ArrivingShards.index(at: index.source).files.last
    else { return }
    guard let place = group.others.firstIndex(where: { $0.path == last }) else {
      throw CommandFailure(.noInput, "\(index.source) names \(last), which is not beside it")
    }
    group.weights = [group.others.remove(at: place).source]
  }

  /// The view that a file's name asks for; `.pth.tar` is what many trainers call a torch file.
  private static func view(of path: String) -> String? {
    let name = path.hasSuffix(".pth.tar") || path.hasSuffix(".pt.tar") ? String(path.dropLast(4)) : path
    return FilePath(name).extension.flatMap { ImportRequest.view(forExtension: $0) }
  }

  private static func isGGUF(_ path: String) -> Bool { FilePath(path).extension == "gguf" }

  /// Where a weight file will be in its version. One that is named by itself is a view, or `model.gguf` if it is one and holds a
  /// state dict; in a folder others than `model.*` keep their names.
  private static func path(of source: String, in group: Group) throws -> String {
    if let folder = group.folder, source.hasPrefix(folder + "/") {
      let path = String(source.dropFirst(folder.count + 1))
      return isMain(path) && path != FilePurpose.fallbackName
        ? "model.\(view(of: source) ?? "pt")" : path
    }
    guard isGGUF(source) else { return "model.\(view(of: source) ?? "pt")" }
    let isAlone = group.weights.count == 1
    let isQuantized =
      try OpaqueFormat.format(of: try posix(try OpenedFile.open(source)), named: source) != nil
    return isAlone && !isQuantized
      ? FilePurpose.ggufName : FilePath(source).lastComponent?.string ?? FilePurpose.ggufName
  }

  /// Whether a file of a folder is one of the main state dict.
  private static func isMain(_ path: String) -> Bool {
    guard !path.contains("/"), let stem = FilePath(path).stem else { return false }
    return ["model", "pytorch_model"].contains(stem) && view(of: path) != nil
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
  }

  /// The files of a folder, subfolders included; hidden ones left out.
  private static func files(in folder: String) throws -> Group {
    var group = Group(folder: folder)
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() {
      let full = folder + "/" + path
      guard !isFolder(full), !path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) else { continue }
      if isMain(path) {
        group.weights.append(full)
      } else {
        group.others.append(.init(source: full, path: path))
      }
    }
    // A folder without a main state dict may have components: the first brings the others along.
    let isSharded = group.others.contains { ShardIndex.names.contains($0.path) }
    if group.weights.isEmpty, !isSharded,
      let first = try group.others.firstIndex(where: { file in
        try FilePurpose(file.path) == .component && WeightKind(at: file.source) != nil
      })
    {
      group.weights = [group.others.remove(at: first).source]
    }
    return group
  }

  /// What somebody may want to call the model: as the folder, or the file, unless that has the name that all weights have.
  private static func likelyModel(of path: String, in group: Group) -> ModelName? {
    let file = FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(path)).lexicallyNormalized()
    let folder = group.folder.map {
      FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath($0)).lexicallyNormalized()
    }
    let usual = ["model", "pytorch_model", "weights", "last", "best", "checkpoint"]
    let stem = file.stem.flatMap { usual.contains($0) ? nil : $0 }
    let name = (folder ?? file.removingLastComponent()).lastComponent?.string
    return (folder == nil ? stem ?? name : name).flatMap { ModelName.proposal(for: $0) }
  }

  private static func target(
    of path: String, in group: Group, _ names: Names, _ records: RecordStore
  ) throws -> (model: ModelName, version: VersionName) {
    let name = FilePath(path).lastComponent?.string ?? path
    let reading = ProfessionalName.readings(of: name).first { reading in
      ImportRequest.view(forExtension: reading.view) != nil
    }
    guard let chosen = try names.model.map({ try ModelName(validating: $0) }) ?? reading?.model else {
      let example = Self.likelyModel(of: path, in: group).map { ", as --model \($0)" } ?? ""
      throw CommandFailure(
        .usage,
        "cannot tell the model of \(path): use --model NAME\(example), or a file name such as mamba_v1.0_pt.pt")
    }
    if let version = names.version { return (chosen, try VersionName(validating: version)) }
    if let reading, reading.model == chosen { return (chosen, reading.version) }
    if let folder = group.folder, let version = FilePath(folder).lastComponent.flatMap({ VersionName($0.string) }),
      version.looksLikeCheckpoint
    {
      return (chosen, version)
    }
    guard !records.contains(chosen) else {
      let known = try records.versions(of: chosen).map(\.text).joined(separator: ", ")
      throw CommandFailure(.usage, "\(chosen) has versions \(known): say with --version NAME what \(path) becomes")
    }
    return (chosen, try VersionName(validating: "v1.0"))
  }
}
