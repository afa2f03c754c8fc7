import EventLoop
import Glibc
import JSON
import Logging
import ServiceShell
import Testing

@testable import Instrumentor

@Suite struct AdmissionLineTests {
  private static let fields = [
    "time", "level", "logger", "message", "detail", "dryRun", "namespace", "outcome", "reason", "workload",
  ]

  /// The lines that the reviews leave in a log.
  private func lines(_ reviews: [JSONValue]) throws -> [JSONValue] {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let (input, output) = (ends[0], ends[1])
    defer { close(input) }
    let loop = try EventLoop(name: "admission")
    let logger = Logger(label: "instrumentor") { StreamLogHandler.standardError(label: $0) }
    var endpoint = AdmissionSample.endpoint()
    endpoint.lines = LineLog(beside: logger, loop: loop, descriptor: output)
    let admission = endpoint
    loop.sync { for review in reviews { _ = admission.answer(AdmissionSample.request(review)) } }
    // The next turn begins when the lines of this one are written.
    loop.sync {}
    loop.shutdown()
    close(output)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(input, &buffer, buffer.count)
    return try buffer[..<max(0, count)].split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
  }

  @Test func everyReviewLeavesOneLineWithAllFields() throws {
    let pod = AdmissionSample.pod()
    var dryRun = AdmissionSample.review(pod)
    dryRun.set(["request", "dryRun"], true)
    let lines = try lines([AdmissionSample.review(pod), dryRun])
    try #require(lines.count == 2)
    for (line, isDryRun) in zip(lines, ["false", "true"]) {
      #expect(line.object?.keys == Self.fields)
      #expect(line["message"] == "pod reviewed")
      #expect(line["level"] == "info")
      #expect(line["logger"] == "instrumentor")
      #expect(line["outcome"] == "injected")
      #expect(line["reason"] == "Injected")
      #expect(line["namespace"] == "shop")
      #expect(line["workload"] == "shop/Deployment/web")
      #expect(line["dryRun"] == .string(isDryRun))
      #expect(line["detail"]?.string?.contains("python-community in app") == true)
    }
  }

  @Test func podsThatConcernNobodyAreNoNews() throws {
    #expect(try lines([AdmissionSample.review(AdmissionSample.pod(of: "other"))]).isEmpty)
  }
}
