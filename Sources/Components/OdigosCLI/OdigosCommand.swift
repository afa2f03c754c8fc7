import ArgumentParser
import OdigosObjects

/// `odigos`: installs, configures and explains the system.
public struct OdigosCommand: AsyncParsableCommand {
  /// The command tree.
  public static let configuration = CommandConfiguration(
    commandName: "odigos",
    abstract: "Zero-code observability for Kubernetes.",
    discussion: """
      Install it, label a namespace or workload, and its applications send traces, metrics and logs:

        odigos install
        kubectl label namespace shop odigos-instrumentation=enabled
      """,
    version: Release.version,
    subcommands: [
      InstallCommand.self, UpgradeCommand.self, UninstallCommand.self, VersionCommand.self, ConfigCommand.self,
      ProfileCommand.self, SourcesCommand.self, DescribeCommand.self, ExplainCommand.self,
    ])

  /// Made by the argument parser.
  public init() {}
}
