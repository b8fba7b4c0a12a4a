package import WeightFormats

/// What a name in a version's folder means: the one place that knows.
package enum FilePurpose: Sendable, Hashable {
  /// A view: a file that is closed under the name is imported as it.
  case view(String)
  /// A weight file that is imported and keeps its name beside the views.
  case part
  /// A part of a set: kept until the set is complete.
  case shard
  /// A name that programs use until the final one: kept as it is until it gets that.
  case temporary
  /// An ordinary file.
  case ordinary

  package init(_ path: String) {
    if let view = Self.view(named: path) {
      self = .view(view.name)
    } else if path == "pytorch_model.bin" {
      self = .part
    } else if Self.isShard(path) {
      self = .shard
    } else {
      self = path.hasPrefix(".") || path.contains("/.") ? .temporary : .ordinary
    }
  }

  /// Whether a file that is closed under the name is published as weights.
  package var isWeights: Bool {
    switch self {
    case .view, .part: true
    case .shard, .temporary, .ordinary: false
    }
  }

  /// Whether the file is one for all who read and write it, as on a disk.
  package var isOrdinary: Bool { self == .ordinary || self == .temporary }

  /// Whether a file that is closed under the name waits for something: a set, or another name.
  package var isKept: Bool { self == .shard || self == .temporary }

  /// The view that has a file name; nil for others.
  package static func view(named path: String) -> ViewFormat? {
    WeightFormatCatalogue.views.first { $0.fileName == path }
  }

  /// Whether it is the name of a shard: `model-00001-of-00002.safetensors`.
  private static func isShard(_ path: String) -> Bool {
    guard path.hasSuffix(".safetensors") || path.hasSuffix(".bin"), !path.contains("/") else { return false }
    let parts = path.prefix { $0 != "." }.split(separator: "-")
    return parts.count >= 4 && parts[parts.count - 2] == "of"
      && [parts[parts.count - 3], parts[parts.count - 1]].allSatisfy { $0.allSatisfy(\.isNumber) }
  }

  /// Bytes that a path may have: as many as a system call takes.
  private static let pathLimit = 4095

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
