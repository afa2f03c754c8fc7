import JSON

/// Settings that stand together under one key of the configuration. The list of its settings is all there is to say
/// about a group: from it the group is read, checked, written and documented.
protocol SettingsGroup: Sendable, Hashable {
  /// The group when nothing is set.
  init()
  /// Settings that are not understood; written back unchanged.
  var unknown: JSONObject { get set }
  /// Every setting, in the order in which they are written.
  static var settings: [Setting<Self>] { get }
  /// Checks what several settings say together.
  func check(_ reader: inout ConfigurationReader)
}

extension SettingsGroup {
  func check(_ reader: inout ConfigurationReader) {}

  init(reader: inout ConfigurationReader) {
    self.init()
    update(from: &reader)
  }

  /// Takes over what is set; the rest stays as it is.
  mutating func update(from reader: inout ConfigurationReader) {
    for setting in Self.settings {
      if setting.hasEffect {
        setting.read(&self, &reader)
        continue
      }
      let before = self
      setting.read(&self, &reader)
      if self != before { reader.noteWithoutEffect(setting.key) }
    }
    check(&reader)
    unknown = reader.unread(known: [])
  }

  var json: JSONValue { settingsJSON }

  /// What is set, and what is always written.
  var settingsJSON: JSONValue {
    var writer = ConfigurationWriter(unknown)
    let defaults = Self()
    for setting in Self.settings {
      if let value = setting.json(self, defaults) { writer[setting.key] = value }
    }
    return .object(writer.object)
  }

  /// The documentation of its settings and of those below them; this group is the one in which nothing is set.
  func keys(below prefix: String, hasEffect: Bool = true) -> [ConfigurationKey] {
    Self.settings.flatMap { $0.documentation(self, prefix, hasEffect) }
  }
}

/// One setting of a group.
struct Setting<Group: SettingsGroup> {
  /// The key.
  var key: String
  /// Whether something in this release reads it.
  var hasEffect = true
  /// Reads it, where it is set.
  var read: (inout Group, inout ConfigurationReader) -> Void
  /// Its value in the first group, if it is to be written: the second one is the default group.
  var json: (Group, Group) -> JSONValue?
  /// What there is to know about it, and about the settings below it.
  var documentation: (_ defaults: Group, _ prefix: String, _ hasEffect: Bool) -> [ConfigurationKey]

  /// Known, read, checked and kept, but nothing acts on it yet.
  var withoutEffect: Setting {
    var copy = self
    copy.hasEffect = false
    copy.documentation = { defaults, prefix, _ in documentation(defaults, prefix, false) }
    return copy
  }

  /// A setting of any type. It is written when it differs from its default, or always.
  static func value<Value: Equatable>(
    _ key: String, _ path: WritableKeyPath<Group, Value>, _ form: ConfigurationForm, _ summary: String,
    always: Bool = false, read: @escaping (inout ConfigurationReader, String) -> Value?,
    json: @escaping (Value) -> JSONValue?
  ) -> Setting {
    Setting(
      key: key,
      read: { group, reader in
        if let value = read(&reader, key) { group[keyPath: path] = value }
      },
      json: { group, defaults in
        let value = group[keyPath: path]
        return always || value != defaults[keyPath: path] ? json(value) : nil
      },
      documentation: { defaults, prefix, hasEffect in
        [
          ConfigurationKey(
            path: prefix + key, form: form, defaultValue: json(defaults[keyPath: path]) ?? .null, summary: summary,
            hasEffect: hasEffect)
        ]
      })
  }

  static func bool(
    _ key: String, _ path: WritableKeyPath<Group, Bool>, _ summary: String, always: Bool = false
  ) -> Setting {
    value(key, path, .bool, summary, always: always, read: { $0.bool($1) }, json: { .bool($0) })
  }

  static func text(_ key: String, _ path: WritableKeyPath<Group, String>, _ summary: String) -> Setting {
    value(key, path, .text, summary, read: { $0.string($1) }, json: { .string($0) })
  }

  static func integer(
    _ key: String, _ path: WritableKeyPath<Group, Int>, _ range: ClosedRange<Int>, _ summary: String,
    always: Bool = false
  ) -> Setting {
    value(
      key, path, .integer(range), summary, always: always, read: { $0.integer($1, range) }, json: { .int($0) })
  }

  static func integer(
    _ key: String, _ path: WritableKeyPath<Group, Int?>, _ range: ClosedRange<Int>, _ summary: String
  ) -> Setting {
    value(key, path, .integer(range), summary, read: { $0.integer($1, range) }, json: { $0.map { .int($0) } })
  }

  static func list(_ key: String, _ path: WritableKeyPath<Group, [String]>, _ summary: String, always: Bool = false)
    -> Setting
  {
    value(key, path, .list, summary, always: always, read: { $0.strings($1) }, json: { .strings($0) })
  }

  static func map(_ key: String, _ path: WritableKeyPath<Group, [String: String]>, _ summary: String) -> Setting {
    value(key, path, .map, summary, read: { $0.map($1) }, json: { .map($0) })
  }

  static func duration(
    _ key: String, _ path: WritableKeyPath<Group, ConfigurationDuration>, _ summary: String, always: Bool = false
  ) -> Setting {
    value(
      key, path, .duration, summary, always: always, read: { $0.duration($1) }, json: { .string($0.description) })
  }

  static func choice<Value: RawRepresentable & CaseIterable & Equatable>(
    _ key: String, _ path: WritableKeyPath<Group, Value>, _ summary: String, always: Bool = false
  ) -> Setting where Value.RawValue == String {
    value(
      key, path, .choice(Value.allCases.map(\.rawValue)), summary, always: always,
      read: { $0.choice($1, Value.self) }, json: { .string($0.rawValue) })
  }

  static func choice<Value: RawRepresentable & CaseIterable & Equatable>(
    _ key: String, _ path: WritableKeyPath<Group, Value?>, _ summary: String
  ) -> Setting where Value.RawValue == String {
    value(
      key, path, .choice(Value.allCases.map(\.rawValue)), summary, read: { $0.choice($1, Value.self) },
      json: { $0.map { .string($0.rawValue) } })
  }

  /// Settings below a key.
  static func group<Below: SettingsGroup>(
    _ key: String, _ path: WritableKeyPath<Group, Below>, always: Bool = false
  ) -> Setting {
    Setting(
      key: key,
      read: { group, reader in
        var value = group[keyPath: path]
        if reader.object(key, { value.update(from: &$0) }) != nil { group[keyPath: path] = value }
      },
      json: { group, defaults in
        let value = group[keyPath: path]
        return always || value != defaults[keyPath: path] ? value.json : Optional.none
      },
      documentation: { defaults, prefix, hasEffect in
        defaults[keyPath: path].keys(below: "\(prefix)\(key).", hasEffect: hasEffect)
      })
  }
}

extension JSONValue {
  static func map(_ map: [String: String]) -> JSONValue {
    var members = JSONObject()
    for (name, value) in map.sorted(by: { $0.key < $1.key }) { members[name] = .string(value) }
    return .object(members)
  }
}
