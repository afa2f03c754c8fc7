/// The members of a JSON object in the order in which they came. Equality ignores that order.
public struct JSONObject: Sendable {
  private var members: [(key: String, value: JSONValue)] = []

  /// An object without members.
  public init() {}

  /// An object of these members; of several with one name the last one counts, at the place of the first.
  init(lastWins members: [(key: String, value: JSONValue)]) {
    // Comparing each with each is quickest for the few members that objects have; a table for the others keeps a
    // hostile text from costing the square of its size.
    if members.count <= 16 {
      self.members.reserveCapacity(members.count)
      for (key, value) in members { self[key] = value }
      return
    }
    var places: [String: Int] = [:]
    for member in members {
      if let place = places[member.key] {
        self.members[place].value = member.value
      } else {
        places[member.key] = self.members.count
        self.members.append(member)
      }
    }
  }

  /// The number of members.
  public var count: Int { members.count }
  /// Whether there are none.
  public var isEmpty: Bool { members.isEmpty }
  /// The names in order.
  public var keys: [String] { members.map(\.key) }

  /// The member of that name. Setting nil removes it; a new one goes to the end.
  public subscript(key: String) -> JSONValue? {
    get { members.first { $0.key == key }?.value }
    set {
      let index = members.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append((key, value))
      case (nil, nil): break
      }
    }
  }
}

extension JSONObject: Sequence {
  /// Walks the members in order.
  public func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> { members.makeIterator() }
}

extension JSONObject: Hashable {
  /// Equal when the same names have equal values, in whatever order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
  }

  /// Hashes the set of names, which does not depend on their order.
  public func hash(into hasher: inout Hasher) {
    var combined = 0
    for member in members { combined ^= member.key.hashValue }
    hasher.combine(combined)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// An object from its members.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (key, value) in elements { self[key] = value }
  }
}
