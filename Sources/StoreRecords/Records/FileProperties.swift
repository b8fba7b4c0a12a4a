/// What is kept of a file or a folder beside what it holds and its mtime: what chmod(1) and setfattr(1) set.
package struct FileProperties: Sendable, Hashable {
  /// The bits of a mode that can be set: permissions, set-user-ID, set-group-ID, sticky.
  package static let permissionMask: UInt32 = 0o7777
  /// Those of a file of which nobody has said anything.
  package static let usual = FileProperties(permissions: 0o644)
  /// Those of a folder of which nobody has said anything.
  package static let usualOfFolder = FileProperties(permissions: 0o755)

  /// Permission bits, and the three above them.
  package var permissions: UInt32
  /// ctime, in nanoseconds since 1970; nil where that is the mtime.
  package var changed: Int64?
  /// By name.
  package private(set) var attributes: [UserAttribute] = []

  package init(permissions: UInt32, changed: Int64? = nil) {
    self.permissions = permissions
    self.changed = changed
  }

  /// The same with other permission bits, from now on.
  package func with(permissions: UInt32) -> FileProperties {
    var properties = self
    (properties.permissions, properties.changed) = (permissions, Timestamp.now())
    return properties
  }

  /// The value of an extended attribute; nil if there is none of that name.
  package func attribute(_ name: String) -> [UInt8]? {
    attributes.first { $0.$name == ExactName(name) }?.value.bytes
  }

  /// The same with another value of an extended attribute, from now on; nil takes it away.
  package func with(_ value: [UInt8]?, of name: String) -> FileProperties {
    var properties = self
    properties.attributes.removeAll { $0.$name == ExactName(name) }
    if let value {
      properties.attributes.append(UserAttribute(name: name, value: ByteText(value)))
      properties.attributes.sort { $0.$name < $1.$name }
    }
    properties.changed = Timestamp.now()
    return properties
  }

  /// Whether the extended attributes are as many as are kept.
  package var hasRoom: Bool {
    attributes.reduce(0) { $0 + $1.name.utf8.count + $1.value.bytes.count } <= UserAttribute.limit
  }

  /// What is wrong with decoded properties, as the end of a sentence; nil for nothing.
  var problem: String? {
    if permissions & ~Self.permissionMask != 0 { return "has permissions that no file has" }
    if !attributes.allSatisfy({ UserAttribute.isPossible($0.name) }) || !hasRoom {
      return "has extended attributes that no file has"
    }
    return nil
  }
}

/// An extended attribute that a program has given a file or a folder.
package struct UserAttribute: Sendable, Hashable, Codable {
  /// Bytes that all names and values of a file may have together.
  package static let limit = 64 << 10
  /// What its name begins with.
  package static let prefix = "user."
  /// What the names of those begin with that tell what a file is, and are not kept.
  package static let tellingPrefix = "user.tantra."

  /// With its prefix.
  @ExactName package var name: String
  package var value: ByteText

  /// Whether one of that name can be kept.
  package static func isPossible(_ name: String) -> Bool {
    name.utf8.starts(with: prefix.utf8) && !name.utf8.starts(with: tellingPrefix.utf8) && !name.utf8.contains(0)
      && name.utf8.count > prefix.utf8.count && name.utf8.count <= 255
  }
}

/// They stand in the record itself of the file or the folder; what is usual is left out.
extension FileProperties {
  private enum CodingKeys: String, CodingKey {
    case mode, changed, attributes
    /// Earlier editions kept no more of a mode.
    case isExecutable
  }

  /// - Parameter usual: what they are where the record says nothing.
  init(from decoder: any Decoder, usual: FileProperties) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let mode = try container.decodeIfPresent(String.self, forKey: .mode) {
      guard let bits = UInt32(mode, radix: 8) else {
        throw DecodingError.dataCorruptedError(forKey: .mode, in: container, debugDescription: "a mode is octal digits")
      }
      permissions = bits
    } else {
      let isExecutable = try container.decodeIfPresent(Bool.self, forKey: .isExecutable) == true
      permissions = isExecutable ? 0o755 : usual.permissions
    }
    changed = try container.decodeIfPresent(Int64.self, forKey: .changed)
    attributes = try container.decodeIfPresent([UserAttribute].self, forKey: .attributes) ?? []
  }

  /// The mode is written as chmod takes it: in octal digits.
  func encode(to encoder: any Encoder, usual: FileProperties) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    if permissions != usual.permissions { try container.encode(String(permissions, radix: 8), forKey: .mode) }
    try container.encodeIfPresent(changed, forKey: .changed)
    if !attributes.isEmpty { try container.encode(attributes, forKey: .attributes) }
  }
}
