import Foundation
import Glibc

/// Runs a program to its end with its output in files.
///
/// Not Foundation's `Process`: it takes a program for running as long as a daemon that the program left behind runs.
enum ChildProgram {
  /// How it ended and what it wrote.
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  /// - Throws: that it could not be started, or has not ended after `limit` and was killed.
  static func run(_ arguments: [String], input: String?, within limit: Duration = .seconds(1500)) throws -> Outcome {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let files = ["in", "out", "err"].map { directory.appendingPathComponent($0).path }
    try Data((input ?? "").utf8).write(to: URL(fileURLWithPath: files[0]))

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, files[0], O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, files[1], O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, files[2], O_WRONLY | O_CREAT, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var child: pid_t = 0
    let failure = posix_spawnp(&child, arguments[0], &actions, nil, &words, environ)
    guard failure == 0 else {
      throw Cluster.Failure(description: "\(arguments[0]): \(String(cString: strerror(failure)))")
    }
    let status = try end(of: child, arguments, within: limit)
    func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    return Outcome(status: code, output: text(files[1]), errors: text(files[2]))
  }

  private static func end(of child: pid_t, _ arguments: [String], within limit: Duration) throws -> Int32 {
    let end = ContinuousClock.now + limit
    var status: Int32 = 0
    while true {
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { return status }
      guard ended == 0 || errno == EINTR else { throw Cluster.Failure(description: "\(arguments[0]) is lost") }
      if ContinuousClock.now >= end {
        kill(child, SIGKILL)
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let command = arguments.joined(separator: " ")
        throw Cluster.Failure(description: "\(command): killed, it did not end within \(limit)")
      }
      usleep(5000)
    }
  }
}
