import FoundationEssentials
import SystemPackage
import WeightRegistry

/// What the files named on a command line become: weight files with the model and version of each, and their sidecars.
struct ImportPlan {
  private(set) var requests: [ImportRequest] = []

  /// - Parameters:
  ///   - paths: weight files, sidecars, or folders of both.
  ///   - model: for all files; else taken from professional names.
  ///   - version: likewise; the first version of a model is v1.0.
  /// - Throws: what is unclear, and how to say it.
  init(
    _ paths: [String], model: String?, version: String?, checkpoint: Bool, active: Bool, registry: WeightRegistry
  ) throws {
    var weights: [String] = []
    var sidecars: [ImportRequest.SidecarFile] = []
    for path in paths {
      guard FileManager.default.fileExists(atPath: path) else {
        throw CommandFailure(.noInput, "\(path): No such file or directory")
      }
      if Self.isFolder(path) {
        let found = try Self.files(in: path)
        weights += found.weights
        sidecars += found.sidecars
      } else if Self.view(of: path) != nil {
        weights.append(path)
      } else {
        sidecars.append(.init(source: path, path: FilePath(path).lastComponent?.string ?? path))
      }
    }
    if weights.isEmpty, let index = sidecars.first(where: { $0.path.hasSuffix(".index.json") }) {
      throw CommandFailure(
        .badData, "\(index.source) belongs to weights in shards, which cannot be imported yet: save them as one file")
    }
    guard !weights.isEmpty else {
      throw CommandFailure(
        .badData, "none of the files has a weight file's extension (.safetensors, .pt, .pth, .bin or .ckpt)")
    }
    for path in weights {
      guard let view = Self.view(of: path) else { continue }
      let target = try Self.target(of: path, model: model, version: version, registry: registry)
      requests.append(
        ImportRequest(
          model: target.model, version: target.version, source: path, view: view, activating: active,
          isCheckpoint: checkpoint))
    }
    let targets = Set(requests.map { "\($0.model)/\($0.version)" })
    guard sidecars.isEmpty || targets.count == 1 else {
      throw CommandFailure(
        .badData,
        "\(sidecars[0].source) could belong to \(targets.sorted().joined(separator: " or ")); "
          + "import one version at a time")
    }
    requests[0].sidecars = sidecars
  }

  /// The view that a file's name asks for; `.pth.tar` is what many trainers call a torch file.
  private static func view(of path: String) -> String? {
    let name = path.hasSuffix(".pth.tar") || path.hasSuffix(".pt.tar") ? String(path.dropLast(4)) : path
    return FilePath(name).extension.flatMap { ImportRequest.view(forExtension: $0) }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
  }

  /// The files of a folder, subfolders included; hidden ones left out.
  private static func files(
    in folder: String
  ) throws -> (weights: [String], sidecars: [ImportRequest.SidecarFile]) {
    var weights: [String] = []
    var sidecars: [ImportRequest.SidecarFile] = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() {
      let full = folder + "/" + path
      guard !isFolder(full), !path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) else { continue }
      if !path.contains("/"), let stem = FilePath(path).stem, ["model", "pytorch_model"].contains(stem),
        view(of: path) != nil
      {
        weights.append(full)
      } else {
        sidecars.append(.init(source: full, path: path))
      }
    }
    return (weights, sidecars)
  }

  private static func target(
    of path: String, model: String?, version: String?, registry: WeightRegistry
  ) throws -> (model: ModelName, version: VersionName) {
    let name = FilePath(path).lastComponent?.string ?? path
    let reading = ProfessionalName.readings(of: name).first { reading in
      ImportRequest.view(forExtension: reading.view) != nil
    }
    guard let chosen = try model.map({ try ModelName(validating: $0) }) ?? reading?.model else {
      throw CommandFailure(
        .badData,
        "cannot tell the model of \(path): use --model NAME, or a file name such as mamba_v1.0_pt.pt")
    }
    if let version { return (chosen, try VersionName(validating: version)) }
    if let reading, reading.model == chosen { return (chosen, reading.version) }
    guard !registry.contains(chosen) else {
      let known = try registry.versions(of: chosen).map(\.text).joined(separator: ", ")
      throw CommandFailure(.badData, "\(chosen) has versions \(known): say with --version NAME what \(path) becomes")
    }
    return (chosen, try VersionName(validating: "v1.0"))
  }
}
