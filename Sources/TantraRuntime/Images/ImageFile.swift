import CImages
import Glibc
import PosixIO
import SystemPackage

/// Images in files: PNG and JPEG of every kind.
package enum ImageFile {
  /// The largest file that is read, in bytes.
  package static let byteLimit = 48 << 20
  /// The most pixels that an image may have: of grey ones, a page of A4 at 600 dots an inch.
  package static func pixelLimit(channels: Int) -> Int { channels == 1 ? 36_000_000 : 16_000_000 }
  /// What the decoder of JPEG may take besides the pixels, in bytes.
  private static let decoderLimit = 100 << 20

  private enum Kind: String {
    case png = "PNG"
    case jpeg = "JPEG"

    /// By the first bytes; nil for anything else.
    init?(_ bytes: [UInt8]) {
      if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
        self = .png
      } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
        self = .jpeg
      } else {
        return nil
      }
    }
  }

  /// Reads the image at `path`: as grey for 1 channel, as red, green and blue for 3. What is transparent becomes white.
  ///
  /// - Throws: `noInput` if there is none, `badData` for what is no image, is damaged, or is too large.
  package static func read(_ path: String, channels: Int) throws(RuntimeError) -> RasterImage {
    let bytes: [UInt8]
    do throws(PosixError) {
      bytes = try OpenedFile.open(path).contents(limit: byteLimit)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: throw RuntimeError(.noInput, "\(path): there is no such file")
      case .isDirectory: throw RuntimeError(.badData, "\(path): expected an image, found a folder")
      case .fileTooLarge: throw RuntimeError(.badData, "\(path): expected at most \(byteLimit >> 20) MiB")
      default: throw RuntimeError(.system, error.description)
      }
    }
    do throws(RuntimeError) {
      return try decode(bytes, channels: channels)
    } catch {
      throw RuntimeError(error.code, "\(path): \(error.description)")
    }
  }

  /// Decodes an image in memory.
  package static func decode(_ bytes: [UInt8], channels: Int) throws(RuntimeError) -> RasterImage {
    guard let kind = Kind(bytes) else {
      throw RuntimeError(
        .badData, bytes.isEmpty ? "the file is empty" : "expected a PNG or a JPEG, found something else")
    }
    let limit = pixelLimit(channels: channels)
    var image = tantra_image()
    let outcome =
      switch kind {
      case .png: tantra_png_decode(bytes, bytes.count, Int32(channels), limit, &image)
      case .jpeg: tantra_jpeg_decode(bytes, bytes.count, Int32(channels), limit, decoderLimit, &image)
      }
    defer { free(image.pixels) }
    guard Int(outcome) == TANTRA_IMAGE_OK, let pixels = image.pixels else {
      throw failure(outcome, image, kind)
    }
    let count = image.width * image.height * channels
    return RasterImage(
      width: image.width, height: image.height, channels: channels,
      values: [UInt8](UnsafeBufferPointer(start: pixels, count: count)))
  }

  private static func failure(_ outcome: Int32, _ image: tantra_image, _ kind: Kind) -> RuntimeError {
    switch Int(outcome) {
    case TANTRA_IMAGE_TOO_LARGE:
      return RuntimeError(
        .badData,
        "expected a \(kind.rawValue) of at most \(pixelLimit(channels: Int(image.channels))) pixels, found \(image.width) x \(image.height)"
      )
    case TANTRA_IMAGE_NO_MEMORY:
      return RuntimeError(.system, "there is not enough memory for \(image.width) x \(image.height) pixels")
    default:
      let words = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      return RuntimeError(.badData, "a damaged \(kind.rawValue)\(words.isEmpty ? "" : ": \(words)")")
    }
  }
}
