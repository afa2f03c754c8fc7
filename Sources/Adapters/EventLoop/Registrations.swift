import CShims

/// What a descriptor is ready for, or shall be watched for.
public struct EventMask: OptionSet, Sendable {
  /// The bits of `epoll_event.events`.
  public let rawValue: UInt32
  /// Makes a mask of epoll's bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// There is something to read, or to accept.
  public static let readable = EventMask(rawValue: shim_EPOLLIN)
  /// There is room to write, or the connection has been made.
  public static let writable = EventMask(rawValue: shim_EPOLLOUT)
  /// The peer will send no more.
  public static let peerClosed = EventMask(rawValue: shim_EPOLLRDHUP)
  /// An error or hang-up; always watched for.
  public static let failed = EventMask(rawValue: shim_EPOLLERR | shim_EPOLLHUP)
}

/// Who is told, on the loop's thread, that a descriptor is ready.
public protocol EventHandler: AnyObject {
  /// The descriptor is ready for `events` (level triggered).
  func handle(_ events: EventMask)
}

/// One watched descriptor of an event loop.
public struct Registration: Equatable, Sendable {
  let slot: UInt32
  let generation: UInt32
  let fd: Int32
  var tag: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// The handlers of the watched descriptors. An event names its handler by slot and generation, so one that was
/// fetched before its handler went, or before its slot was taken again, finds nobody.
struct Registrations {
  private struct Slot {
    var generation: UInt32 = 0
    var handler: (any EventHandler)?
  }
  private var slots: [Slot] = []
  private var free: [UInt32] = []

  mutating func add(_ handler: any EventHandler, fd: Int32) -> Registration {
    let slot: UInt32
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = UInt32(slots.count)
      slots.append(Slot())
    }
    slots[Int(slot)].handler = handler
    return Registration(slot: slot, generation: slots[Int(slot)].generation, fd: fd)
  }

  mutating func remove(_ registration: Registration) {
    guard handler(tag: registration.tag) != nil else { return }
    slots[Int(registration.slot)].handler = nil
    slots[Int(registration.slot)].generation &+= 1
    free.append(registration.slot)
  }

  func handler(tag: UInt64) -> (any EventHandler)? {
    let slot = Int(tag & 0xffff_ffff)
    guard slot < slots.count, UInt64(slots[slot].generation) == tag >> 32 else { return nil }
    return slots[slot].handler
  }
}
