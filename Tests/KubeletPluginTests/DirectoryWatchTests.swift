import Concurrency
import EventLoop
import Glibc
import Logging
import TestSupport
import Testing

@testable import KubeletPlugin

@Suite struct DirectoryWatchTests {
  private let directory: String
  private let loop: EventLoop
  private let changes = Locked(0)

  init() throws {
    directory = "/tmp/odiglet-watch-\(UInt32.random(in: 0...UInt32.max))"
    mkdir(directory, 0o755)
    loop = try EventLoop(name: "watch-test")
  }

  private func seen() -> Int { changes.withLock { $0 } }

  private func make(_ name: String) { mkdir("\(directory)/\(name)", 0o755) }

  private func end() {
    loop.shutdown()
    for name in ["a", "b"] { rmdir("\(directory)/\(name)") }
    rmdir(directory)
  }

  @Test func tellsWhenEntriesComeAndGo() async throws {
    defer { end() }
    let changes = changes
    let watch = DirectoryWatch([directory], seesWrites: false, loop: loop) { changes.withLock { $0 += 1 } }
    defer { watch.close() }
    #expect(watch.isOpen)
    make("a")
    try await eventually("a change") { seen() > 0 }
    let before = seen()
    rmdir("\(directory)/a")
    try await eventually("another change") { seen() > before }
  }

  @Test func triesAgainWhereTheNodeHasNoInotifyInstanceLeft() async throws {
    defer { end() }
    let left = Locked(-1)
    let changes = changes
    let watch = DirectoryWatch(
      [directory], seesWrites: false, loop: loop,
      open: {
        let isLeft = left.withLock { count in
          count += 1
          return count > 1
        }
        return isLeft ? inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) : -1
      }
    ) { changes.withLock { $0 += 1 } }
    #expect(!watch.isOpen)
    watch.watch([directory])
    #expect(!watch.isOpen)
    make("a")
    watch.watch([directory])
    #expect(watch.isOpen)
    try await eventually("what was missed") { seen() == 1 }
    watch.watch([directory])
    #expect(left.withLock { $0 } == 2, "an instance that is there is kept")
    make("b")
    try await eventually("a change") { seen() > 1 }
    watch.close()
    try await eventually("the end") { !watch.isOpen }
    watch.watch([directory])
    #expect(!watch.isOpen, "what is closed stays so")
  }

  @Test func isSharedByAllWhoAskForADirectory() async throws {
    defer { end() }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let shared = SharedDirectoryWatch(directory, loop: loop, logger: logger)
    #expect(inotifyInstances(on: directory) == 0)
    let told = Locked<Set<Int>>([])
    let handlers = (0..<7).map { index in shared.add { told.withLock { _ = $0.insert(index) } } }
    #expect(inotifyInstances(on: directory) == 1)
    make("a")
    try await eventually("all are told") { told.withLock { $0.count } == 7 }
    for handler in handlers.dropFirst() { shared.remove(handler) }
    told.withLock { $0 = [] }
    make("b")
    try await eventually("the last one is told") { told.withLock { $0 } == [0] }
    shared.remove(handlers[0])
    try await eventually("nobody watches") { inotifyInstances(on: directory) == 0 }
    shared.refresh()
    #expect(inotifyInstances(on: directory) == 0)
  }
}
