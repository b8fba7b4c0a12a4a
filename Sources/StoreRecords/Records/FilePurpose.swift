package import WeightFormats

/// What a name in a version's folder means: the one place that knows.
package enum FilePurpose: Sendable, Hashable {
  /// A view: a file that is closed under the name is imported as it, or refused.
  case view(String)
  /// `pytorch_model.bin`: the main state dict if the version has no other. What is closed under the name is weights, or refused.
  case fallback
  /// The name of a file that may hold a state dict, or weights that are kept unread. What it holds decides when it is closed: it is
  /// a weight file then, or an ordinary file.
  case component
  /// A part of a set: kept until the set is complete.
  case shard
  /// A name that programs use until the final one: kept as it is until it gets that.
  case temporary
  /// An ordinary file.
  case ordinary

  package init(_ path: String) {
    if let view = Self.view(named: path) {
      self = .view(view.name)
    } else if path == Self.fallbackName {
      self = .fallback
    } else if Self.isShard(path) {
      self = .shard
    } else if path.hasPrefix(".") || path.contains("/.") {
      self = .temporary
    } else {
      self = Self.mayBeWeights(path) ? .component : .ordinary
    }
  }

  /// The name of ``fallback``.
  package static let fallbackName = "pytorch_model.bin"

  /// The GGUF file that has the main state dict of a version without another, if it is one.
  package static let ggufName = "model.gguf"

  /// Whether what is closed under the name is published as weights or refused.
  package var isWeights: Bool {
    switch self {
    case .view, .fallback: true
    case .component, .shard, .temporary, .ordinary: false
    }
  }

  /// Whether a file that is closed under the name is looked at: it may be weights.
  package var mayBeWeights: Bool { isWeights || self == .component }

  /// Whether the file is one for all who read and write it, as on a disk.
  package var isOrdinary: Bool { self == .ordinary || self == .temporary }

  /// Whether a file that is closed under the name waits for something: a set, or another name.
  package var isKept: Bool { self == .shard || self == .temporary }

  /// The view that has a file name; nil for others.
  package static func view(named path: String) -> ViewFormat? {
    WeightFormatCatalogue.views.first { $0.fileName == path }
  }

  /// Whether the name is one that a format's files have.
  private static func mayBeWeights(_ path: String) -> Bool {
    let name = path.utf8[(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.utf8.startIndex)...]
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return false }
    let fileExtension = String(path[path.utf8.index(after: dot)...])
    return WeightFormatCatalogue.fileExtensions.contains(fileExtension)
      || OpaqueFormat.fileExtensions.contains(fileExtension)
  }

  /// Whether it is the name of a shard of the main state dict: `model-00001-of-00002.safetensors`.
  private static func isShard(_ path: String) -> Bool {
    guard path.hasSuffix(".safetensors") || path.hasSuffix(".bin"), !path.contains("/"),
      ["model", "pytorch_model"].contains(where: { path.hasPrefix($0) })
    else { return false }
    let parts = path.prefix { $0 != "." }.split(separator: "-")
    return parts.count >= 4 && parts[parts.count - 2] == "of"
      && [parts[parts.count - 3], parts[parts.count - 1]].allSatisfy { $0.allSatisfy(\.isNumber) }
  }

  /// Bytes that a path may have. A system call takes 4095, from wherever its caller is: so much fits into the deepest folder that
  /// one call reaches.
  package static let pathLimit = 16383

  /// Why `path` cannot be that of a file or folder in a version's folder, as the end of a sentence; nil if it can.
  ///
  /// - Parameter allowsViews: whether it may be the name of a view.
  package static func problem(ofPath path: String, allowsViews: Bool = false) -> String? {
    let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for component in components {
      if component.isEmpty || component.elementsEqual(".".utf8) || component.elementsEqual("..".utf8)
        || component.contains(0)
      {
        return "has a name that no file can have"
      }
      if component.count > 255 { return "has a name of more than 255 bytes" }
    }
    if path.utf8.count > pathLimit { return "has a path of more than \(pathLimit) bytes" }
    if !allowsViews, WeightFormatCatalogue.views.contains(where: { $0.fileName.utf8.elementsEqual(components[0]) }) {
      return "has the name of a view"
    }
    return nil
  }
}
