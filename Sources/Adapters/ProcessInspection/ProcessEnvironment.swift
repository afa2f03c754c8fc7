/// The variables that are looked at in processes.
public enum ObservedVariables {
  /// Their names.
  public static let names = ProcessEnvironment.names
}

/// The variables of a process that matter here. No other leaves this function: environments hold secrets.
struct ProcessEnvironment: Sendable, Equatable {
  /// The values, as getenv would find them: of a name that occurs twice the first.
  var values: [String: String] = [:]
  /// Names of variables whose value is longer than what is kept.
  var oversized: [String] = []

  /// The longest value that is kept. What is longer cannot be handed on and appended to in a pod's manifest.
  static let maximumSize = 32 << 10

  /// Every variable that something here asks for.
  static let names: Set<String> = Set(
    CapturedVariable.allCases.map(\.rawValue) + OtherAgents.variables + RuntimeVersion.variables)

  private static let namesByFirstByte: [[[UInt8]]] = {
    var table = [[[UInt8]]](repeating: [], count: 256)
    for name in names.sorted() {
      let bytes = Array(name.utf8)
      if let first = bytes.first { table[Int(first)].append(bytes) }
    }
    return table
  }()

  /// No variables.
  init() {}

  /// Reads `/proc/PID/environ`: `NAME=value`, each ended by a zero.
  init(_ bytes: [UInt8]) {
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0) ?? bytes.count
      if end > start { add(bytes[start..<end]) }
      start = end + 1
    }
  }

  private mutating func add(_ variable: ArraySlice<UInt8>) {
    let first = Int(variable[variable.startIndex])
    for name in Self.namesByFirstByte[first] where variable.count > name.count {
      let equals = variable.startIndex + name.count
      guard variable[equals] == UInt8(ascii: "="), variable.starts(with: name) else { continue }
      let text = String(decoding: name, as: UTF8.self)
      guard values[text] == nil, !oversized.contains(text) else { return }
      let value = variable[(equals + 1)...]
      if value.count > Self.maximumSize {
        oversized.append(text)
      } else {
        values[text] = String(decoding: value, as: UTF8.self)
      }
      return
    }
  }
}
