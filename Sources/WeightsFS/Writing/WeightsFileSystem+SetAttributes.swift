import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

extension WeightsFileSystem {
  package func setAttributes(
    of inode: InodeNumber, _ change: AttributeChange, caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> FileAttributes {
    var node = try node(inode)
    // What was opened for writing is meant, whatever inode the kernel has for the name.
    if let handle = change.handle, case .writer(let writer) = handles[handle] { node = .staging(writer.number) }
    if let size = change.size { try setSize(of: node, to: size, isInterrupted) }
    if let modified = change.modified { try setModified(of: node, to: modified) }
    var attributes: FileAttributes
    switch node {
    case .view, .sidecar, .modelFile:
      if change.modified == nil { return try self.attributes(of: inode) }
      attributes = try self.attributes(of: node)
      inodes.remember(attributes)
    default: attributes = try self.attributes(of: node)
    }
    attributes.inode = inode
    return attributes
  }

  private func setSize(
    of node: Node, to size: Int, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    switch node {
    // A shell's `>` truncates a control file before it writes its request.
    case .controlFile(let name) where controls.contains(where: { $0.name == name && $0.acceptsRequests }): return
    case .staging(let number):
      guard let writer = writers[number] else { throw FileSystemError(.stale) }
      try self.change(writer, keeping: size, isInterrupted) { (file) throws(PosixError) in try file.truncate(to: size) }
      if size == 0 { writer.facts.withLock { $0.hasTruncated = true } }
    case .view, .sidecar, .kept, .modelFile:
      throw records.isReader
        ? FileSystemError(.readOnlyFile)
        : FileSystemError(
          .notPermitted, "\(node.path) cannot be truncated where others may read it; open it for writing instead")
    default: throw FileSystemError(.readOnlyFile)
    }
  }

  private func setModified(of node: Node, to time: Int64) throws(FileSystemError) {
    switch node {
    case .staging(let number):
      guard let writer = writers[number] else { throw FileSystemError(.stale) }
      writer.facts.withLock { $0.modified = time }
      let facts = writer.current
      guard !facts.isDirty, facts.refusal == nil, let place = facts.place, let kept = try self.node(at: place) else {
        return
      }
      try setModified(of: kept, to: time)
    case .view(let model, let version, let view, _):
      try change(FilePlace(model: model, version: version, path: "model.\(view)")) { folder in
        folder.manifest?.main?.views[view] == nil ? [] : [.setModified("model.\(view)", time)]
      }
    case .sidecar(let model, let version, let path, _), .kept(let model, let version, let path, _):
      try change(FilePlace(model: model, version: version, path: path)) { folder in
        folder.content(at: path) == nil ? [] : [.setModified(path, time)]
      }
    case .modelFile(let model, let name, _):
      try registryStep(try modelFiles.setModified(name, of: model, to: time))
    // Folders and links have the time of what they hold; nobody is told that it was not changed, as with chmod.
    default: return
    }
  }
}
