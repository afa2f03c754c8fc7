/// A part of the node agent that can be on or off, by the name that the installation and `ODIGOS_NODE_FEATURES` use.
public enum NodeFeature: String, CaseIterable, Sendable, Comparable {
  /// Serves the devices that bring agent files into containers.
  case devicePlugin = "device-plugin"
  /// Finds out what the containers of marked workloads run.
  case runtimeInspection = "runtime-inspection"
  /// Hears of processes that start and end from the kernel, instead of looking for them.
  case processEvents = "process-events"

  /// The variable of the node agent that says what is on, as names with commas between.
  public static let variable = "ODIGOS_NODE_FEATURES"

  /// What is on where nobody says anything.
  public static let standard: Set<NodeFeature> = [.devicePlugin, .runtimeInspection]

  /// What the feature needs beside the rights of an ordinary process of root, and what for. This is the one place
  /// that says so: the manifest's list, the check at the start and the documentation come from it.
  public var needs: [(capability: LinuxCapability, purpose: String)] {
    switch self {
    case .devicePlugin: []
    case .runtimeInspection:
      [
        (.sysPtrace, "reads the executables, memory maps and environments of other users' processes in /proc"),
        (.dacReadSearch, "reads the files of containers that only their users may read"),
      ]
    case .processEvents:
      [(.perfmon, "reads from the kernel which programs are executed (perf_event_open)")]
    }
  }

  /// A table for the operator's guide: what each feature needs, and what for.
  static var markdown: String {
    let rows = allCases.sorted().map { feature in
      let needs = feature.needs.map { "`\($0.capability.rawValue)` \($0.purpose)" }.joined(separator: "; ")
      let isStandard = standard.contains(feature) ? "yes" : "no"
      return "| `\(feature.rawValue)` | \(isStandard) | \(needs.isEmpty ? "nothing" : needs) |\n"
    }
    return "| Feature | On by default | Needs |\n| --- | --- | --- |\n" + rows.joined()
  }

  /// The capabilities that all of these need together, in the order of their names.
  public static func capabilities(of features: Set<NodeFeature>) -> [LinuxCapability] {
    Set(features.flatMap { $0.needs.map(\.capability) }).sorted()
  }

  /// The names with commas between, or `none`.
  public static func text(of features: Set<NodeFeature>) -> String {
    features.isEmpty ? "none" : features.sorted().map(\.rawValue).joined(separator: ",")
  }

  /// Reads names with commas between, or `none`.
  ///
  /// - Throws: when a name is none, with those that there are.
  public static func parse(_ text: String) throws(NodeFeatureError) -> Set<NodeFeature> {
    var features: Set<NodeFeature> = []
    if text == "none" { return features }
    for name in text.split(separator: ",").map({ name in
      String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }) where !name.isEmpty {
      guard let feature = NodeFeature(rawValue: name) else { throw NodeFeatureError(name: name) }
      features.insert(feature)
    }
    return features
  }

  /// In the order of their names.
  public static func < (left: NodeFeature, right: NodeFeature) -> Bool { left.rawValue < right.rawValue }
}

/// A name that is no feature's.
public struct NodeFeatureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The name.
  public var name: String
  /// The name, and the names that there are.
  public var description: String {
    let names = NodeFeature.allCases.sorted().map(\.rawValue).joined(separator: ", ")
    return "there is no feature \"\(name)\" of the node agent; there are \(names)"
  }
}

/// A capability of Linux (capabilities(7)) that a feature may need, by its name in manifests.
public enum LinuxCapability: String, CaseIterable, Sendable, Comparable {
  /// Reading files past their permissions.
  case dacReadSearch = "DAC_READ_SEARCH"
  /// Looking into other processes.
  case sysPtrace = "SYS_PTRACE"
  /// Reading performance events of the whole system (Linux 5.8).
  case perfmon = "PERFMON"

  /// Its bit in `CapEff` of /proc/PID/status (include/uapi/linux/capability.h).
  public var bit: Int {
    switch self {
    case .dacReadSearch: 2
    case .sysPtrace: 19
    case .perfmon: 38
    }
  }

  /// The capabilities of a set as the kernel writes it, 16 hexadecimal digits; nil for another text.
  public static func set(hexadecimal text: some StringProtocol) -> Set<LinuxCapability>? {
    guard let bits = UInt64(text, radix: 16) else { return nil }
    return Set(allCases.filter { bits >> UInt64($0.bit) & 1 == 1 })
  }

  /// In the order of their names.
  public static func < (left: LinuxCapability, right: LinuxCapability) -> Bool { left.rawValue < right.rawValue }
}

/// Which of the wanted features a process can have with the capabilities that it really has.
public struct NodePrivileges: Sendable, Equatable {
  /// What can be on.
  public var enabled: Set<NodeFeature> = []
  /// A sentence for each feature and capability that it lacks.
  public var warnings: [String] = []

  /// Decides. A feature that lacks one capability is off as a whole; the others are not concerned.
  public init(wanted: Set<NodeFeature>, effective: Set<LinuxCapability>) {
    for feature in wanted.sorted() {
      let missing = feature.needs.filter { !effective.contains($0.capability) }
      if missing.isEmpty { enabled.insert(feature) }
      for (capability, purpose) in missing {
        warnings.append(
          "\(feature.rawValue) is off: the container lacks the capability \(capability.rawValue) (\(purpose)); add it to "
            + "securityContext.capabilities of the DaemonSet \(OdigosName.odiglet), or leave the feature out")
      }
    }
  }
}
