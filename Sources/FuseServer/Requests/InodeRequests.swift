import CFuse
import Glibc
import StoreRecords
import WeightsFS

/// Names, attributes, links.
enum InodeRequests {
  static func add(to table: inout fuse_lowlevel_ops) {
    table.lookup = { raw, parent, name in
      Dispatcher.handle(raw) { InodeRequests.lookup($0, $1, parent: InodeNumber(rawValue: parent), name: name) }
    }
    table.forget = { raw, inode, count in
      Dispatcher.handle(raw) { dispatcher, request in
        dispatcher.fileSystem.forget(InodeNumber(rawValue: inode), count: count)
        request.replyNothing()
      }
    }
    table.forget_multi = { raw, count, list in
      Dispatcher.handle(raw) { dispatcher, request in
        for item in UnsafeBufferPointer(start: list, count: list == nil ? 0 : Int(clamping: count)) {
          dispatcher.fileSystem.forget(InodeNumber(rawValue: item.ino), count: item.nlookup)
        }
        request.replyNothing()
      }
    }
    table.getattr = { raw, inode, _ in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          let attributes = try dispatcher.fileSystem.attributes(of: InodeNumber(rawValue: inode))
          request.reply(attributes: attributes, owner: dispatcher.owner)
        } catch {
          dispatcher.fail(request, "getattr", error)
        }
      }
    }
    table.setattr = { raw, inode, status, fields, information in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          let change = try InodeRequests.attributeChange(status, fields: fields, information)
          let attributes = try dispatcher.fileSystem.setAttributes(
            of: InodeNumber(rawValue: inode), change, caller: request.caller, isInterrupted: request.interruption)
          request.reply(attributes: attributes, owner: dispatcher.owner)
        } catch {
          dispatcher.fail(request, "setattr", error)
        }
      }
    }
    table.readlink = { raw, inode in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          let target = try dispatcher.fileSystem.readLink(InodeNumber(rawValue: inode))
          guard target.bytes.count <= LinkTarget.limit else { throw FileSystemError(ENAMETOOLONG) }
          request.reply(link: target)
        } catch {
          dispatcher.fail(request, "readlink", error)
        }
      }
    }
    table.statfs = { raw, _ in Dispatcher.handle(raw) { InodeRequests.statistics($0, $1) } }
  }

  private static func lookup(
    _ dispatcher: Dispatcher, _ request: consuming Request, parent: InodeNumber, name: UnsafePointer<CChar>?
  ) {
    do throws(FileSystemError) {
      let item = try dispatcher.fileSystem.lookup(try KernelNames.known(name), in: parent, caller: request.caller)
      dispatcher.answer(request, with: item)
    } catch {
      dispatcher.fail(request, "lookup", error)
    }
  }

  private static func attributeChange(
    _ status: UnsafePointer<stat>?, fields: CInt, _ information: UnsafePointer<fuse_file_info>?
  ) throws(FileSystemError) -> AttributeChange {
    guard let status else { throw FileSystemError(EINVAL) }
    var change = AttributeChange()
    if fields & cfuse_set_size != 0 {
      guard status.pointee.st_size >= 0 else { throw FileSystemError(EINVAL) }
      change.size = Int(status.pointee.st_size)
    }
    if fields & cfuse_set_mode != 0 { change.permissions = KernelAttributes.permissions(status.pointee.st_mode) }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    if fields & (cfuse_set_modified | cfuse_set_modified_now) != 0 {
      change.modified = try nanoseconds(fields & cfuse_set_modified_now != 0 ? now : status.pointee.st_mtim)
    }
    if fields & (cfuse_set_accessed | cfuse_set_accessed_now) != 0 {
      change.accessed = try nanoseconds(fields & cfuse_set_accessed_now != 0 ? now : status.pointee.st_atim)
    }
    if let information { change.handle = HandleNumber(rawValue: information.pointee.fh) }
    return change
  }

  private static func nanoseconds(_ time: timespec) throws(FileSystemError) -> Int64 {
    guard let nanoseconds = KernelAttributes.nanoseconds(time) else { throw FileSystemError(EINVAL) }
    return nanoseconds
  }

  private static func statistics(_ dispatcher: Dispatcher, _ request: consuming Request) {
    do throws(FileSystemError) {
      let volume = try dispatcher.fileSystem.volumeStatistics()
      let block = 4096
      var answer = statvfs()
      answer.f_bsize = UInt(block)
      answer.f_frsize = UInt(block)
      answer.f_blocks = UInt(max(0, volume.capacity) / block)
      answer.f_bfree = UInt(max(0, volume.free) / block)
      answer.f_bavail = UInt(max(0, volume.available) / block)
      answer.f_files = UInt(max(0, volume.files))
      answer.f_ffree = UInt(max(0, volume.freeFiles))
      answer.f_favail = answer.f_ffree
      answer.f_namemax = UInt(NAME_MAX)
      request.reply(statistics: answer)
    } catch {
      dispatcher.fail(request, "statfs", error)
    }
  }
}
