extension RolloutSettings: SettingsGroup {
  static var settings: [Setting<RolloutSettings>] {
    [
      .bool(
        "automaticRolloutDisabled", \.automaticRolloutDisabled, "Leaves restarts to the users (GitOps).", always: true),
      .integer(
        "maxConcurrentRollouts", \.maxConcurrentRollouts, 0...100_000,
        "How many workloads restart at a time; 0 for no limit.", always: true),
      .group("canary", \.canary),
      .bool(
        "repairMissedPods", \.repairMissedPods,
        "Restarts workloads once more whose pods came without their agents because the webhook was away.", always: true
      ),
      .integer(
        "maxRepairsPerMinute", \.maxRepairsPerMinute, 1...100_000, "How many workloads are repaired in a minute.",
        always: true),
    ]
  }
}

extension CanarySettings: SettingsGroup {
  static var settings: [Setting<CanarySettings>] {
    [
      .bool("enabled", \.enabled, "Tries new agents on one pod or workload before the rest gets them."),
      .choice("mode", \.mode, "What tries them: one pod of each workload, or one workload of each namespace."),
      .integer(
        "stabilitySeconds", \.stabilitySeconds, 0...86_400,
        "How long it has to stay ready before the rest follows, in seconds."),
    ]
  }
}
