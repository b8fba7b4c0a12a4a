import CFuse

/// INIT: what kernel and daemon agree on.
enum SessionRequests {
  /// The longest READ, bytes. With the pipe's limit of 1 MiB a longer answer could not be spliced: libfuse needs room
  /// for its header too, and would silently copy.
  static let longestRead: UInt32 = 512 << 10

  static func add(to table: inout fuse_lowlevel_ops) {
    table.`init` = { userdata, connection in
      guard let userdata, let connection else { return }
      SessionRequests.agree(on: &connection.pointee)
      Unmanaged<Dispatcher>.fromOpaque(userdata)._withUnsafeGuaranteedRef { $0.isInitialized = true }
    }
  }

  /// Asks for what the kernel offers of the wanted capabilities; asking for more would end the session.
  private static func agree(on connection: inout fuse_conn_info) {
    // Not SPLICE_READ: it pays for WRITEs that are spliced on (write_buf), and costs every other request a second call.
    let wanted =
      cfuse_capability_async_read | cfuse_capability_atomic_truncate | cfuse_capability_splice_write
      | cfuse_capability_splice_move | cfuse_capability_readdirplus | cfuse_capability_readdirplus_auto
      | cfuse_capability_parallel_directory_operations
    // Links change their target and control files answer at write(2): neither may be cached.
    let unwanted = cfuse_capability_cache_symlinks | cfuse_capability_writeback_cache
    connection.want = (connection.want | wanted) & ~unwanted & connection.capable
    // The mount option of the same name has to agree.
    connection.max_read = longestRead
    connection.max_write = min(connection.max_write, longestRead)
  }
}
