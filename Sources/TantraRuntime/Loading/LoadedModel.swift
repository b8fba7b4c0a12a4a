import PosixIO
import SystemPackage

/// A version of a Mamba that writes text, as one load found it.
package typealias LoadedModel = LoadedWeights<MambaWeights>

/// A version of a model, as one load found it.
package struct LoadedWeights<Weights: ModelWeights>: Sendable {
  /// The weight file that was read.
  package let weightFile: String
  /// The folder or file with all links followed.
  package let resolved: String
  package let weights: Weights
  /// How long the parts took.
  package let times: LoadTimes

  /// Reads config.json and the weights; of a folder, the first of its weight files that loads.
  ///
  /// - Parameters:
  ///   - resolved: what ``ModelLocation/resolved()`` gave.
  ///   - warn: told why a weight file is not used, and which is instead.
  /// - Throws: `noInput` or `badData`, naming what is wrong with every weight file. Weights are never made up.
  package init(resolved: String, warn: (String) -> Void) throws {
    let clock = ContinuousClock()
    let start = clock.now
    self.resolved = resolved
    let isFolder = Self.isFolder(resolved)
    let folder = isFolder ? resolved : String(resolved[..<(resolved.lastIndex(of: "/") ?? resolved.startIndex)])
    let configuration = try SmallFile.contents(
      of: folder + "/config.json", limit: ConfigurationFields.byteLimit,
      missing: "without config.json the weights cannot be understood; put it beside them")
    let opened = clock.now
    let candidates =
      isFolder
      ? ModelLocation.weightNames.map { folder + "/" + $0 } : [resolved]
    var failures: [String] = []
    var isAnythingThere = false
    for path in candidates {
      do {
        let checkpoint = try Checkpoint.map(path)
        let mapped = clock.now
        let weights = try Weights(configuration: configuration, checkpoint: checkpoint)
        if !failures.isEmpty { warn("\(failures.joined(separator: "; ")); using \(path) instead") }
        weightFile = path
        self.weights = weights
        times = LoadTimes(open: opened - start, map: mapped - opened, prepare: clock.now - mapped)
        return
      } catch let error as RuntimeError where error.code != .badData {
        throw error
      } catch let error as PosixError where error.errno == .noSuchFileOrDirectory {
        failures.append("\(path) is missing")
      } catch {
        isAnythingThere = true
        failures.append(
          error is PosixError ? "\(error)" : "\(path): \(error)")
      }
    }
    guard isAnythingThere else {
      let names = ModelLocation.weightNames
      throw RuntimeError(
        .noInput,
        isFolder
          ? "\(folder): expected weights beside config.json, \(names.dropLast().joined(separator: ", ")) or \(names.last ?? ""), "
            + "found none" : failures.joined(separator: "; "))
    }
    throw RuntimeError(.badData, failures.joined(separator: "; "))
  }

  private static func isFolder(_ path: String) -> Bool {
    do throws(PosixError) {
      _ = try Folder.open(path)
      return true
    } catch {
      return false
    }
  }
}

/// How long the parts of a load took.
package struct LoadTimes: Sendable, Hashable {
  /// Finding the folder and reading config.json.
  package var open: Duration
  /// Parsing the weight file's header and mapping the file.
  package var map: Duration
  /// Looking at every weight once (for NaN), and arranging the small tensors for the kernels.
  package var prepare: Duration
}
