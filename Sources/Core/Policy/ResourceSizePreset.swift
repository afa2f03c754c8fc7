/// A size of the collectors under one name; what it comes to is CollectorConfig's business.
public enum ResourceSizePreset: String, Sendable, Hashable, CaseIterable {
  case small = "size_s"
  case medium = "size_m"
  case large = "size_l"
  case extraLarge = "size_xl"
}
