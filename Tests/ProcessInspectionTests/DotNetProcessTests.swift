import Foundation
import TestSupport
import Testing

@testable import ProcessInspection

/// A real .NET program, run in each of the ways in which there are .NET programs. `hack/setup` fetches the runtime.
@Suite struct DotNetProcessTests {
  enum Deployment: CaseIterable { case command, host, selfContained }

  private static let runtime = ProcessInfo.processInfo.environment["ODIGOS_TEST_DOTNET"]
  private static let compilers = ["/usr/bin/mcs", "/usr/bin/gcc"]
  private static let version = "8.0.4"
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("MatrixApplications/dotnet").path

  private static var canRun: Bool {
    runtime != nil && compilers.allSatisfy { RunningProgram.installed([$0]) != nil }
  }

  @Test(
    .enabled(if: canRun, "no .NET runtime (ODIGOS_TEST_DOTNET) or no mcs: run hack/setup build"),
    arguments: Deployment.allCases)
  func recognises(_ deployment: Deployment) async throws {
    let runtime = try #require(Self.runtime)
    let fixture = try ProcessTreeFixture()
    let application = fixture.path
    try await Self.build(deployment, in: application, runtime: runtime)
    let command =
      deployment == .command ? ["\(runtime)/dotnet", "\(application)/Shop.dll"] : ["\(application)/Shop"]
    let running = try #require(
      RunningProgram(command, environment: ["PORT=0", "DOTNET_ROOT=\(runtime)", "DOTNET_STARTUP_HOOKS="]))
    let tree = ProcessTree()
    try await eventually("the program has loaded .NET") {
      tree.facts(of: running.pid)?.mappedFiles.contains { $0.hasSuffix("/System.Private.CoreLib.dll") } ?? false
    }
    let inspection = tree.inspect([running.pid])
    #expect(inspection.runtime?.language == .dotnet)
    #expect(inspection.runtime?.version == Self.version)
    #expect(inspection.cLibrary == .glibc && inspection.isSecure == false)
    let place = deployment == .selfContained ? "Shop.runtimeconfig.json" : "Microsoft.NETCore.App/\(Self.version)/"
    #expect(inspection.runtime?.evidence.contains { $0.contains(place) } == true, "\(inspection)")
  }

  private static func build(_ deployment: Deployment, in directory: String, runtime: String) async throws {
    try run(["/usr/bin/mcs", "-out:\(directory)/Shop.dll", "\(sources)/Shop.cs"])
    try run(["/usr/bin/gcc", "-o", "\(directory)/Shop", "\(sources)/apphost.c"])
    let configuration = try String(contentsOfFile: "\(sources)/Shop.runtimeconfig.json", encoding: .utf8)
    guard deployment == .selfContained else {
      try configuration.write(toFile: "\(directory)/Shop.runtimeconfig.json", atomically: false, encoding: .utf8)
      return
    }
    let framework = #""framework": { "name": "Microsoft.NETCore.App", "version": "8.0.0" }"#
    let included = #""includedFrameworks": [{ "name": "Microsoft.NETCore.App", "version": "\#(version)" }]"#
    try #require(configuration.contains(framework))
    try configuration.replacing(framework, with: included)
      .write(toFile: "\(directory)/Shop.runtimeconfig.json", atomically: false, encoding: .utf8)
    let files =
      ["\(runtime)/host/fxr/\(version)/libhostfxr.so"] + ["\(runtime)/shared/Microsoft.NETCore.App/\(version)/."]
    try run(["/bin/cp", "-r"] + files + [directory])
  }

  private static func run(_ command: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command)")
  }
}
