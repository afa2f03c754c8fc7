'use strict';
// The agent's side of OpAMP (opentelemetry.io/docs/specs/opamp): tells the node agent how the process is, and takes
// configuration from it. The rules that it keeps:
//
// - It uses nothing but Node.js: it must be able to tell that OpenTelemetry's own packages do not load.
// - Nothing here keeps the process alive, and nothing that goes wrong reaches the program or its output.
const crypto = require('crypto');
const { Connection } = require('./odigos-connection.js');
const { EMPTY, number, fixed64, bytes, entry, fields, last } = require('./odigos-protobuf.js');

const startTimer = setTimeout; // before libraries for tests put their own in its place
const FIRST_SECONDS = 1; // programs that end before, such as those of probes, are not worth an object in the cluster
const INTERVAL_SECONDS = 30; // OpAMP's default, until the server says another
const LONGEST_PAUSE_SECONDS = 30;
// reports status, effective configuration, health, status of configuration, heartbeats; accepts configuration and
// settings of the connection
const CAPABILITIES = 0x1 | 0x2 | 0x4 | 0x100 | 0x800 | 0x1000 | 0x2000;
const APPLIED = 1;
const FAILED = 3;
const REPORT_FULL_STATE = 1;
const UNAVAILABLE = 2;

/** A UUID of version 7 (RFC 9562): the time in milliseconds, then chance. */
function uuid7() {
  const uid = Buffer.concat([Buffer.alloc(6), crypto.randomBytes(10)]);
  uid.writeUIntBE(Date.now(), 0, 6);
  uid[6] = (uid[6] & 0x0f) | 0x70;
  uid[8] = (uid[8] & 0x3f) | 0x80;
  return uid;
}

const nanoseconds = () => BigInt(Date.now()) * 1000000n;

/** One process as an OpAMP agent. `settings` takes configuration: see `RemoteSettings` in odigos-remote.js. */
class Agent {
  /** Whether the environment names a server. */
  static isAskedFor() { return Connection.isAskedFor(); }

  constructor(settings, environment = process.env) {
    this._settings = settings;
    this._environment = { ...environment };
    this._components = undefined;
    this._failure = undefined;
    this._uid = uuid7();
    this._sequence = 0;
    this._connection = undefined;
    this._interval = INTERVAL_SECONDS;
    this._isFull = true;
    this._isHeard = false;
    this._failures = 0;
    this._sentHealth = undefined;
    this._sentStatus = undefined;
    this._status = undefined; // {digest, state, error} of the configuration that came last
    this._since = nanoseconds();
  }

  /** Begins to report. */
  start() {
    process.on('exit', () => this._end());
    this._wait(FIRST_SECONDS);
  }

  /** OpenTelemetry runs; `components()` tells the health of its parts: {name: [healthy, error]}. */
  started(components) { this._components = components; }

  /** OpenTelemetry does not run. */
  failed(error) {
    this._failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }

  // Life

  _wait(seconds) {
    startTimer(() => {
      try { this._exchange(); } catch (error) { this._failed(error); }
    }, seconds * 1000).unref();
  }

  _failed() {
    this._isFull = true;
    try { if (this._connection) this._connection.close(); } catch { /* it was closed */ }
    this._connection = undefined;
    this._failures += 1;
    const pause = Math.min(2 ** this._failures, LONGEST_PAUSE_SECONDS);
    this._wait(pause * (0.75 + Math.random() / 2));
  }

  /** Says goodbye as the process ends. */
  _end() {
    try {
      if (this._isHeard && this._connection) this._connection.postLast(this._message(bytes(9, EMPTY)));
    } catch { /* nobody listens */ }
  }

  // Messages

  /** One message and its answer, and what comes after. */
  _exchange() {
    const health = this._health();
    const healthKey = JSON.stringify(health);
    const status = this._status;
    const parts = [];
    const isFull = this._isFull;
    if (isFull) parts.push(bytes(3, this._description()));
    if (isFull || healthKey !== this._sentHealth) parts.push(bytes(5, this._encodedHealth(health)));
    if (status !== undefined && (isFull || status !== this._sentStatus)) {
      const effective = Buffer.concat([bytes(1, this._settings.effective()), bytes(2, 'application/json')]);
      parts.push(bytes(6, bytes(1, entry(1, '', effective))));
      parts.push(bytes(7, Buffer.concat([bytes(1, status.digest), number(2, status.state), bytes(3, status.error)])));
    }
    if (this._connection === undefined) this._connection = new Connection(this._environment);
    this._isFull = false;
    this._connection.post(this._message(Buffer.concat(parts)), (error, answer) => {
      try {
        if (error) throw error;
        const pause = this._take(answer, isFull);
        this._sentHealth = healthKey;
        this._sentStatus = status;
        this._isHeard = true;
        this._failures = 0;
        this._wait(pause);
      } catch (failure) {
        this._failed(failure);
      }
    });
  }

  _message(body) {
    this._sequence += 1;
    return Buffer.concat([bytes(1, this._uid), number(2, this._sequence), number(4, CAPABILITIES), body]);
  }

  /**
   * Does what an answer says; the seconds until the next message. What a server says again and again makes no haste.
   */
  _take(answer, wasFull) {
    let pause;
    for (const [field, value] of fields(answer)) {
      if (field === 2 && Buffer.isBuffer(value)) {
        this._isFull = true;
        const wait = last(last(value, 3, EMPTY), 1, 0) / 1e9;
        pause = last(value, 1, 0) === UNAVAILABLE ? Math.max(wait, 1) : LONGEST_PAUSE_SECONDS;
      } else if (field === 3 && Buffer.isBuffer(value)) {
        const before = this._status;
        this._apply(value);
        // what became of it is told at once
        if (before === undefined || !before.digest.equals(this._status.digest)) pause = 0;
      } else if (field === 4 && Buffer.isBuffer(value)) {
        const seconds = last(last(value, 2, EMPTY), 4, 0);
        if (seconds > 0) this._interval = Math.min(Math.max(seconds, 1), 300);
      } else if (field === 6 && value & REPORT_FULL_STATE) {
        this._isFull = true;
        if (pause === undefined && !wasFull) pause = 0;
      } else if (field === 8 && Buffer.isBuffer(value)) {
        const uid = last(value, 1, EMPTY);
        if (uid.length) {
          this._uid = uid;
          this._isFull = true;
        }
      }
    }
    return pause === undefined ? this._interval : pause;
  }

  _apply(message) {
    const digest = last(message, 2, EMPTY);
    try {
      const sections = {};
      for (const [, item] of fields(last(message, 1, EMPTY))) {
        const body = last(last(item, 2, EMPTY), 1, EMPTY);
        sections[last(item, 1, EMPTY).toString()] = body.length ? JSON.parse(body.toString()) : null;
      }
      this._settings.apply(sections);
      this._status = { digest, state: APPLIED, error: '' };
    } catch (error) {
      this._status = { digest, state: FAILED, error: `${error.name}: ${error.message}` };
    }
  }

  // What is told

  _description() {
    const variables = this._environment;
    const attributes = (field, pairs) => pairs
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([key, value]) => entry(field, key, typeof value === 'number' ? number(3, value) : bytes(1, value)));
    return Buffer.concat([
      ...attributes(1, [
        ['telemetry.sdk.language', 'nodejs'], ['process.vpid', process.pid],
        ['k8s.namespace.name', variables.ODIGOS_WORKLOAD_NAMESPACE], ['k8s.pod.name', variables.ODIGOS_POD_NAME],
        ['k8s.container.name', variables.ODIGOS_CONTAINER_NAME]]),
      ...attributes(2, [
        ['process.runtime.name', 'nodejs'], ['process.runtime.version', process.versions.node],
        ['process.executable.path', process.execPath], ['process.parent_pid', process.ppid],
        ['service.name', variables.OTEL_SERVICE_NAME], ['telemetry.distro.name', variables.ODIGOS_DISTRO_NAME]]),
    ]);
  }

  /** [healthy, status, error, components] */
  _health() {
    if (this._failure !== undefined) return [false, 'AgentFailure', this._failure, []];
    if (this._components === undefined) return [false, 'Starting', 'OpenTelemetry is being set up', []];
    return [true, 'Healthy', '', Object.entries(this._components()).sort()];
  }

  _encodedHealth([isHealthy, status, error, components]) {
    return Buffer.concat([
      number(1, Number(isHealthy)), fixed64(2, this._since), bytes(3, error), bytes(4, status), fixed64(5, nanoseconds()),
      ...components.map(([name, [isSound, message]]) =>
        entry(6, name, Buffer.concat([number(1, Number(isSound)), bytes(3, message)]))),
    ]);
  }
}

module.exports = { Agent };
