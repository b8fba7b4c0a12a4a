/// One line of `/proc/self/mountinfo` (see proc_pid_mountinfo(5)).
package struct MountEntry: Hashable, Sendable {
  package var identifier: Int
  /// `major:minor` of the device, as the kernel writes it.
  package var device: String
  package var mountpoint: String
  package var type: String
  package var source: String
  /// Options of the mount and of the file system, without order.
  package var options: Set<String>

  /// The user who mounted a FUSE file system.
  package var ownerUID: UInt32? {
    for option in options where option.hasPrefix("user_id=") { return UInt32(option.dropFirst("user_id=".count)) }
    return nil
  }

  package var isReadOnly: Bool { options.contains("ro") }
  package var allowsOthers: Bool { options.contains("allow_other") }

  /// Whether this is a mount of ours.
  package var isTantra: Bool { type == MountTable.type }

  /// Reads a line; nil if it is none.
  ///
  ///     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
  ///     id parent device root mountpoint options optional... - type source super-options
  package init?(line: some Collection<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard fields.count >= 10, let separator = fields[6...].firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
      fields.count >= separator + 4,
      let identifier = Int(Self.text(fields[0]))
    else { return nil }
    self.identifier = identifier
    device = Self.text(fields[2])
    mountpoint = Self.text(fields[4])
    type = Self.text(fields[separator + 1])
    source = Self.text(fields[separator + 2])
    options = []
    for list in [fields[5], fields[separator + 3]] {
      for option in list.split(separator: UInt8(ascii: ",")) { options.insert(Self.text(option)) }
    }
  }

  /// Undoes the octal escapes `\ooo` of space, tab, newline, backslash and `#`.
  private static func text(_ field: some Collection<UInt8>) -> String {
    var bytes: [UInt8] = []
    var rest = Array(field)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
        bytes.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
