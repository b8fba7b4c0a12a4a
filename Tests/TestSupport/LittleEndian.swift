/// The little-endian bytes of an integer.
package func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}
