extension [UInt8] {
  /// How many of the last bytes begin a character of UTF-8 that needs more bytes: 0 to 3.
  package var unfinishedCharacterByteCount: Int {
    for back in 1...3 where back <= count {
      let byte = self[count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }
}
