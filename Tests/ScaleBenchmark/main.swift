// How a store with very many versions behaves.
//
//   swift build -c release && .build/release/ScaleBenchmark STORE [MODELS [VERSIONS]]
//
// STORE is a folder on the file system to be measured, which is made and left for further looks. It is measured from inside this
// process, through a mount, and by the command line with and without the mount; `tantra` is the one built beside this program.
// Figures are medians in milliseconds, with the kernel's caches warm.

import Glibc

guard CommandLine.arguments.count >= 2 else {
  print("usage: ScaleBenchmark STORE [MODELS [VERSIONS]]")
  exit(64)
}
func number(at index: Int, _ otherwise: Int) -> Int {
  CommandLine.arguments.count > index ? Int(CommandLine.arguments[index]) ?? otherwise : otherwise
}

let scaleStore = ScaleStore(
  path: CommandLine.arguments[1], modelCount: number(at: 2, 1000), versionCount: number(at: 3, 100))
try scaleStore.make()
print(
  "\(scaleStore.modelCount) models x \(scaleStore.versionCount) versions, \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores"
)
try measureRegistry(scaleStore)
try measureIndex(scaleStore)
try measureMount(scaleStore)
