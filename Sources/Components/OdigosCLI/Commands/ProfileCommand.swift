import ArgumentParser
import JSON
import Policy

struct ProfileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile", abstract: "List, add or remove profiles: named sets of configuration.",
    subcommands: [ProfileListCommand.self, ProfileAddCommand.self, ProfileRemoveCommand.self],
    defaultSubcommand: ProfileListCommand.self)
}

struct ProfileListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the profiles that are on.")

  @OptionGroup var global: GlobalOptions

  @Flag(name: .shortAndLong, help: "List every profile that there is.")
  var all = false

  func run() async throws {
    if all {
      for profile in Profile.all { print(profile.line) }
      return
    }
    let client = try global.connect()
    defer { client.shutdown() }
    let store = try await ConfigurationStore.installed(client)
    let names = try await store.profiles()
    print(names.isEmpty ? "no profile is on; `odigos profile --all` lists them" : names.joined(separator: "\n"))
    for problem in try await store.profileProblems() { print("  \(problem)") }
  }
}

struct ProfileAddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "add", abstract: "Turn a profile on.")

  @OptionGroup var global: GlobalOptions

  @Argument(help: "Its name; see `odigos profile --all`.")
  var name: String

  func run() async throws {
    let names = try [name].profileNames()
    let client = try global.connect()
    defer { client.shutdown() }
    let store = try await ConfigurationStore.installed(client)
    let progress = Progress()
    let present = try await store.profiles()
    for name in names where present.contains(name) { print("profile \(name) is on already") }
    let added = names.filter { !present.contains($0) }
    if !added.isEmpty {
      try await progress.step("Adding profile \(added.joined(separator: ", "))") {
        try await store.change { configuration in
          let others = ConfigurationStore.profiles(in: configuration).filter { !added.contains($0) }
          configuration["profiles"] = .array((others + added).map { .string($0) })
        }
      }
    }
    for problem in try await store.profileProblems() { progress.note(problem) }
  }
}

struct ProfileRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Turn a profile off.")

  @OptionGroup var global: GlobalOptions

  @Argument(help: "Its name.")
  var name: String

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let store = try await ConfigurationStore.installed(client)
    let removed = [name].dividedAtCommas
    let present = try await store.profiles()
    if let absent = removed.first(where: { !present.contains($0) }) {
      throw CommandFailure("profile \(absent) is not on", next: "`odigos profile` lists those that are")
    }
    try await Progress().step("Removing profile \(removed.joined(separator: ", "))") {
      try await store.change { configuration in
        let others = ConfigurationStore.profiles(in: configuration).filter { !removed.contains($0) }
        configuration["profiles"] = .array(others.map { .string($0) })
      }
    }
  }
}

extension Profile {
  /// Its line in the list of all.
  var line: String {
    let collector =
      foreignProcessors.isEmpty
      ? nil : "needs a collectorImage with the processor \(foreignProcessors.joined(separator: ", "))"
    return "\(name): \(summary)\((unavailable ?? collector).map { " (\($0))" } ?? "")"
  }
}

extension [String] {
  /// The values of an option that takes several, each alone or with commas between.
  var dividedAtCommas: [String] {
    flatMap { $0.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) } }.filter { !$0.isEmpty }
  }

  /// The names of profiles that are meant, each once.
  ///
  /// - Throws: for one that there is not, or that does nothing here.
  func profileNames() throws(CommandFailure) -> [String] {
    var names: [String] = []
    for name in dividedAtCommas where !names.contains(name) {
      guard let profile = Profile.named(name) else {
        throw CommandFailure(Profile.absence(name), next: "give one of those that `odigos profile --all` lists")
      }
      if let why = profile.unavailable {
        throw CommandFailure(
          "profile \(name) does nothing here: \(why)", next: "give another of `odigos profile --all`")
      }
      names.append(name)
    }
    return names
  }
}
