/// Memory that is used again and again, and freed with this object.
struct StridedBuffer: ~Copyable {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { memory.deallocate() }

  /// Makes the memory at least so large; what it held may be gone.
  mutating func grow(to byteCount: Int) {
    guard memory.count < byteCount else { return }
    memory.deallocate()
    memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    // What a source does not fill must not be what some other file left behind.
    memory.initializeMemory(as: UInt8.self, repeating: 0)
  }

  var all: UnsafeMutableRawBufferPointer { memory }

  /// The `count` bytes from `position` on.
  func part(_ position: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: memory[position..<position + count])
  }
}
