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
      for profile in Profile.all {
        print("\(profile.name): \(profile.summary)\(profile.unavailable.map { " (\($0))" } ?? "")")
      }
      return
    }
    let client = try global.connect()
    defer { client.shutdown() }
    let names = try await ConfigurationStore.profiles(client)
    print(names.isEmpty ? "no profile is on; `odigos profile --all` lists them" : names.joined(separator: "\n"))
  }
}

struct ProfileAddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "add", abstract: "Turn a profile on.")

  @OptionGroup var global: GlobalOptions

  @Argument(help: "Its name; see `odigos profile --all`.")
  var name: String

  func run() async throws {
    guard let profile = Profile.named(name) else {
      throw CommandFailure(Profile.absence(name), next: "give one of those that `odigos profile --all` lists")
    }
    if let why = profile.unavailable {
      throw CommandFailure("profile \(name) does nothing here: \(why)", next: "give another of `odigos profile --all`")
    }
    let client = try global.connect()
    defer { client.shutdown() }
    let names = try await ConfigurationStore.profiles(client)
    if names.contains(name) {
      print("profile \(name) is on already")
      return
    }
    try await Progress().step("Adding profile \(name)") {
      try await ConfigurationStore.set(profiles: names + [name], client)
    }
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
    let names = try await ConfigurationStore.profiles(client)
    guard names.contains(name) else {
      throw CommandFailure("profile \(name) is not on", next: "`odigos profile` lists those that are")
    }
    try await Progress().step("Removing profile \(name)") {
      try await ConfigurationStore.set(profiles: names.filter { $0 != name }, client)
    }
  }
}
