import ArgumentParser
import KubeClient
import OdigosObjects

struct UpgradeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upgrade", abstract: "Bring an installation up to this program's version.",
    discussion:
      "Applies this version's manifests with the image that is given. The configuration, and what else is not "
      + "given, stays as it is. What is installed must not be newer.",
    aliases: ["update"])

  @OptionGroup var global: GlobalOptions
  @OptionGroup var images: ImageOptions

  @Flag(name: .shortAndLong, help: "Do not ask.")
  var yes = false

  @Flag(help: "Also where a newer version is installed, or one that cannot be compared.")
  var skipVersionCheck = false

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let system = try await InstalledSystem.require(client)
    let installed = try await system.version(client)
    if !skipVersionCheck { try Self.check(installed) }
    let choices = try images.choices()
    let question = "Bring Odigos \(installed ?? "") in \(system.namespace) to version \(Release.version)?"
    guard try Confirmation.ask(question, isGiven: yes) else { return }
    try await InstallationRun(
      client: client, namespace: system.namespace, choices: choices, patience: images.patience
    ).run()
    print("\nOdigos is of version \(Release.version).")
  }

  /// Refuses to go back: what a newer version has written need not be understood.
  static func check(_ installed: String?, own: String = Release.version) throws {
    let next = "use the program of the version that you want, or give --skip-version-check"
    guard let installed else { throw CommandFailure("the installed version is not known", next: next) }
    guard let there = ReleaseOrder(installed), let here = ReleaseOrder(own) else {
      if installed == own { return }
      throw CommandFailure("the installed version \(installed) cannot be compared with \(own)", next: next)
    }
    if here < there {
      throw CommandFailure("the installed version \(installed) is newer than this program's, \(own)", next: next)
    }
  }
}
