import CCurl
import CShims
import Concurrency
import Glibc

/// The thread that owns the multi handle: takes commands, drives all transfers, ends them.
final class CurlThread: @unchecked Sendable {
  // Unchecked: `multi` and `live` belong to the thread; others only call `curl_multi_wakeup`, which libcurl allows
  // from any thread, and only under the inbox's lock while the handle certainly exists.
  private enum Command: Sendable {
    case add(CurlTransfer)
    case cancel(CurlTicket)
  }
  private struct Inbox: Sendable {
    var commands: [Command] = []
    var isStopped = false
  }

  /// Once per process, before the first handle.
  private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK
  /// How long the thread sleeps when nothing happens and no timer of libcurl is due, in milliseconds.
  private static let idleMilliseconds: Int32 = 60_000

  private let inbox = Locked(Inbox())
  private let multi: UnsafeMutableRawPointer?
  private var live: [ObjectIdentifier: CurlTransfer] = [:]

  init() {
    multi = Self.isInitialized ? curl_multi_init() : nil
  }

  /// Starts the thread, which keeps this object alive until `shutdown`.
  func start() {
    guard let multi else {
      inbox.withLock { $0.isStopped = true }
      return
    }
    odigos_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    var thread = pthread_t()
    // Signals are for whoever waits for them in this process, never for this thread.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(&thread, nil, runCurlThread, context.toOpaque())
    pthread_sigmask(SIG_SETMASK, &before, nil)
    if code == 0 {
      pthread_detach(thread)
    } else {
      inbox.withLock { $0.isStopped = true }
      context.release()
      curl_multi_cleanup(multi)
    }
  }

  func submit(_ transfer: CurlTransfer) {
    if !post(.add(transfer)) {
      transfer.sink.end(.failure(HTTPClientError(code: CurlCode.aborted, "the HTTP client is shut down")))
    }
  }

  func cancel(_ ticket: CurlTicket) {
    ticket.cancel()
    _ = post(.cancel(ticket))
  }

  func shutdown() {
    inbox.withLock { inbox in
      guard !inbox.isStopped else { return }
      inbox.isStopped = true
      if let multi { curl_multi_wakeup(multi) }
    }
  }

  private func post(_ command: Command) -> Bool {
    inbox.withLock { inbox in
      guard !inbox.isStopped else { return false }
      inbox.commands.append(command)
      if inbox.commands.count == 1, let multi { curl_multi_wakeup(multi) }
      return true
    }
  }

  fileprivate func run() {
    guard let multi else { return }
    var running: Int32 = 0
    while takeCommands(multi) {
      curl_multi_perform(multi, &running)
      reap(multi)
      curl_multi_poll(multi, nil, 0, Self.idleMilliseconds, nil)
    }
    let closed = HTTPClientError(code: CurlCode.aborted, "the HTTP client was shut down")
    for transfer in live.values { complete(transfer, .failure(closed), multi) }
    curl_multi_cleanup(multi)
  }

  /// False once the thread is to end.
  private func takeCommands(_ multi: UnsafeMutableRawPointer) -> Bool {
    let (commands, isStopped) = inbox.withLock { inbox in
      defer { inbox.commands = [] }
      return (inbox.commands, inbox.isStopped)
    }
    for command in commands {
      switch command {
      case .add(let transfer): add(transfer, multi)
      case .cancel(let ticket):
        if let transfer = live[ObjectIdentifier(ticket)] { complete(transfer, .failure(cancelled), multi) }
      }
    }
    return !isStopped
  }

  private func add(_ transfer: CurlTransfer, _ multi: UnsafeMutableRawPointer) {
    guard !transfer.ticket.isCancelled else { return transfer.sink.end(.failure(cancelled)) }
    do throws(HTTPClientError) {
      let handle = try transfer.prepare()
      guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
        throw HTTPClientError(code: CurlCode.outOfMemory, "libcurl takes no more transfers")
      }
      live[ObjectIdentifier(transfer.ticket)] = transfer
    } catch {
      transfer.release()
      transfer.sink.end(.failure(error))
    }
  }

  private func reap(_ multi: UnsafeMutableRawPointer) {
    var remaining: Int32 = 0
    while let message = curl_multi_info_read(multi, &remaining) {
      guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
        let context = odigos_curl_private(handle)
      else { continue }
      let code = message.pointee.data.result
      let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
      complete(transfer, transfer.outcome(code), multi)
    }
  }

  private func complete(
    _ transfer: CurlTransfer, _ outcome: Result<Void, HTTPClientError>, _ multi: UnsafeMutableRawPointer
  ) {
    live[ObjectIdentifier(transfer.ticket)] = nil
    if let handle = transfer.handle { curl_multi_remove_handle(multi, handle) }
    transfer.release()
    transfer.sink.end(outcome)
  }

  private var cancelled: HTTPClientError { HTTPClientError(code: CurlCode.aborted, "cancelled") }
}

private func runCurlThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  Unmanaged<CurlThread>.fromOpaque(context).takeRetainedValue().run()
  return nil
}
