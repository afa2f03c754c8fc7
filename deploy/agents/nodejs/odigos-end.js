'use strict';
// The end of a process is as without the agent: what OpenTelemetry does keeps no process alive, whatever becomes of the
// collector, and what is left is sent when the program has nothing more to do, which takes a second at most.
const startTimer = setTimeout; // before libraries for tests put their own in its place
const stopTimer = clearTimeout;
const startImmediate = setImmediate;
const FLUSH_MILLISECONDS = 1000;
// A connection that is being made keeps the process alive, whether or not anybody wants that.
const CONNECT_MILLISECONDS = 2000;
const TRAMPOLINE = /callbackTrampoline \((node:)?internal\/async_hooks/;

/** Makes the connections of an HTTP agent such that none keeps the process alive. */
function loosen(agent) {
  const { createConnection, reuseSocket } = agent;
  agent.createConnection = function (...values) {
    const socket = createConnection.apply(this, values);
    if (socket) {
      socket.unref();
      startTimer(() => {
        if (socket.connecting) socket.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' }));
      }, CONNECT_MILLISECONDS).unref();
    }
    return socket;
  };
  agent.reuseSocket = function (socket, request) {
    reuseSocket.call(this, socket, request);
    socket.unref();
  };
  return agent;
}

/** Makes what an exporter of OTLP waits for such that it does not keep the process alive. */
function loosenExporter(exporter) {
  const transport = exporter._delegate && exporter._delegate._transport;
  if (!transport || typeof transport.retry !== 'function') return;
  transport.retry = function (data, timeout, pause) {
    return new Promise((resolve, reject) => {
      startTimer(() => this._transport.send(data, timeout).then(resolve, reject), pause).unref();
    });
  };
  const http = transport._transport;
  const parameters = http._parameters;
  if (typeof parameters.agentFactory === 'function') {
    const { agentFactory } = parameters;
    parameters.agentFactory = async (protocol) => loosen(await agentFactory(protocol));
  } else { // of the older agent, which makes it with the first request
    let agent;
    Object.defineProperty(http, '_agent', {
      get: () => agent,
      set(made) { agent = made && loosen(made); },
    });
  }
}

/** Does the same for the timers by which OpenTelemetry gives up an export. */
function loosenProcessors({ tracing, metrics }, { diag }) {
  const processor = tracing.BatchSpanProcessor.prototype;
  const flush = processor._flushOneBatch;
  if (typeof flush === 'function') {
    processor._flushOneBatch = function () {
      const { setTimeout } = globalThis;
      const restore = () => { globalThis.setTimeout = setTimeout; };
      // the one timer that is made here, at first and at once
      globalThis.setTimeout = (...values) => {
        restore();
        const timer = setTimeout(...values);
        if (timer && timer.unref) timer.unref();
        return timer;
      };
      try { return flush.call(this); } finally { restore(); }
    };
  }
  const reader = metrics.PeriodicExportingMetricReader.prototype;
  if (typeof reader._doRun === 'function') {
    // without its own timer: the exporter has one
    reader._runOnce = function () { return this._doRun().catch((error) => diag.error('metrics cannot be sent:', error)); };
  }
}

/** Whether `process.emit` was called by Node.js itself and not by the program. */
function isOfNode() {
  const { stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 100;
  } catch {
    return false; // a program has frozen it
  }
  const { stack } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  // below it is at most by what Node.js calls something where asynchronous calls are followed
  const lines = typeof stack === 'string' ? stack.trimEnd().split('\n').filter((line) => !TRAMPOLINE.test(line)) : [];
  return /^ *at process\.(emit|\S+ \[as emit\]) /.test(lines.pop());
}

/**
 * Calls `flush` once when the program has nothing more to do, before the program is told that (`beforeExit`). What is
 * sent makes the loop go on, after which Node.js tells it anew: so every listener hears it as often as without.
 */
function beforeTheEnd(flush) {
  const own = Object.getOwnPropertyDescriptor(process, 'emit');
  let isPending = true;
  const emit = function emit(name, ...values) {
    if (name !== 'beforeExit' || !isPending || !isOfNode()) {
      const original = own ? own.value : Object.getPrototypeOf(process).emit;
      return original.call(this, name, ...values);
    }
    isPending = false;
    const hold = startTimer(() => {}, FLUSH_MILLISECONDS);
    // not before the loop goes on: else there would be no second time
    const release = () => startImmediate(() => stopTimer(hold));
    flush().then(release, release);
    return false;
  };
  Object.defineProperty(process, 'emit', { value: emit, writable: true, configurable: true, enumerable: false });
}

/** Lets a program end although the collector is away: what is left is tried once, for a short time. */
function endSoon(sdk, exporters) {
  exporters.onEach(loosenExporter);
  beforeTheEnd(async () => {
    exporters.onEach((exporter) => { if (exporter._delegate) exporter._delegate._timeout = FLUSH_MILLISECONDS; });
    await sdk.shutdown();
  });
}

module.exports = { endSoon, loosenProcessors };
