'use strict';
// The agent's side of OpAMP (opentelemetry.io/docs/specs/opamp): tells the node agent how the process is, and takes
// configuration from it. The rules that it keeps:
//
// - It uses nothing but Node.js: it must be able to tell that OpenTelemetry's own packages do not load.
// - Nothing here keeps the process alive, and nothing that goes wrong reaches the program or its output.
// - What it sends is in nobody's traces: it keeps what Node.js had before anybody changed it.
const crypto = require('crypto');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const net = require('net');

// Taken before instrumentations and libraries for tests put their own in these places.
const { request } = http;
const { lookup } = dns;
const { connect } = net.Socket.prototype;
const startTimer = setTimeout;

const SERVER_VARIABLE = 'ODIGOS_OPAMP_SERVER_HOST';
const SOCKET_VARIABLE = 'ODIGOS_OPAMP_UNIX_SOCKET';
const PATH = '/v1/opamp';
const TIMEOUT_SECONDS = 2;
const FIRST_SECONDS = 1; // programs that end before, such as those of probes, are not worth an object in the cluster
const INTERVAL_SECONDS = 30; // OpAMP's default, until the server says another
const LONGEST_PAUSE_SECONDS = 30;
const LARGEST_ANSWER = 1 << 20;
// reports status, effective configuration, health, status of configuration, heartbeats; accepts configuration and
// settings of the connection
const CAPABILITIES = 0x1 | 0x2 | 0x4 | 0x100 | 0x800 | 0x1000 | 0x2000;
const APPLIED = 1;
const FAILED = 3;
const REPORT_FULL_STATE = 1;
const UNAVAILABLE = 2;

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

function fixed64(field, value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}

function bytes(field, value) {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

const entry = (field, key, value) => bytes(field, Buffer.concat([bytes(1, key), bytes(2, value)]));

/**
 * The fields of a protobuf message as [number, value] in order: a value is a number or a Buffer. Numbers above 2^53 lose
 * their last digits. Throws where the message is cut off.
 */
function fields(data) {
  const found = [];
  let at = 0;
  const readVarint = () => {
    let value = 0;
    for (let factor = 1; at < data.length && factor <= 2 ** 63; factor *= 0x80) {
      const byte = data[at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is cut off');
  };
  while (at < data.length) {
    const tag = readVarint();
    const kind = tag % 8;
    const field = Math.floor(tag / 8);
    if (kind === 0) {
      found.push([field, readVarint()]);
      continue;
    }
    const size = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? readVarint() : Infinity;
    if (at + size > data.length) throw new RangeError('a field is cut off');
    found.push([field, data.subarray(at, at + size)]);
    at += size;
  }
  return found;
}

/** The value of a field, the last where there are several. */
function last(data, field, otherwise) {
  let value = otherwise;
  for (const [found, one] of fields(data)) if (found === field && typeof one === typeof otherwise) value = one;
  return value;
}

const EMPTY = Buffer.alloc(0);

/** A UUID of version 7 (RFC 9562): the time in milliseconds, then chance. */
function uuid7() {
  const uid = Buffer.concat([Buffer.alloc(6), crypto.randomBytes(10)]);
  uid.writeUIntBE(Date.now(), 0, 6);
  uid[6] = (uid[6] & 0x0f) | 0x70;
  uid[8] = (uid[8] & 0x3f) | 0x80;
  return uid;
}

const nanoseconds = () => BigInt(Date.now()) * 1000000n;

/** Sends messages over a connection that is kept: to the Unix socket where there is one, else to the port. */
class Connection {
  constructor(environment) {
    const path = environment[SOCKET_VARIABLE];
    const server = environment[SERVER_VARIABLE];
    const hasSocket = path && (!server || fs.existsSync(path));
    const [host, port] = hasSocket ? ['localhost', undefined] : Connection.address(server);
    this._target = hasSocket ? { path } : { host, port: Number(port || 80), lookup };
    this._host = host;
    this._socket = undefined;
    this._pool = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this._pool.createConnection = () => {
      const socket = new net.Socket();
      this._socket = connect.call(socket, this._target);
      return socket;
    };
  }

  static address(server) {
    const match = /^\[?([^\]]*?)\]?(?::([0-9]+))?$/.exec(server || '');
    if (!match) throw new RangeError(`${SERVER_VARIABLE} is no address`);
    return [match[1], match[2]];
  }

  /** Calls `done(error, answer)` once. */
  post(body, done) {
    let isDone = false;
    const finish = (error, answer) => {
      if (isDone) return;
      isDone = true;
      done(error, answer);
    };
    const sent = request({
      method: 'POST', path: PATH, host: this._host, agent: this._pool, timeout: TIMEOUT_SECONDS * 1000,
      headers: { 'Content-Type': 'application/x-protobuf', 'Content-Length': body.length },
    }, (response) => {
      const parts = [];
      let size = 0;
      response.on('data', (part) => {
        size += part.length;
        parts.push(part);
        if (size > LARGEST_ANSWER) sent.destroy(new Error('the answer is too large'));
      });
      response.on('error', finish);
      response.on('aborted', () => finish(new Error('the answer was cut off')));
      response.on('end', () => {
        if (response.statusCode !== 200) finish(new Error(`status ${response.statusCode}`));
        else finish(undefined, Buffer.concat(parts));
      });
    });
    sent.on('socket', (socket) => socket.unref());
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', finish);
    sent.end(body);
    // without this a connection that is being made would keep the process alive
    if (this._socket) this._socket.unref();
  }

  /** Sends a message as the process ends, when nothing waits any more: at once, behind one that may be under way. */
  postLast(body) {
    const handle = this._socket && !this._socket.destroyed && this._socket._handle;
    if (!handle || !(handle.fd > 2)) return;
    const head = `POST ${PATH} HTTP/1.1\r\nHost: ${this._host}\r\nContent-Type: application/x-protobuf\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    fs.writeSync(handle.fd, Buffer.concat([Buffer.from(head), body]));
  }

  close() {
    this._pool.destroy();
    this._socket = undefined;
  }
}

/** One process as an OpAMP agent. `settings` takes configuration: see `RemoteSettings` in odigos-remote.js. */
class Agent {
  /** Whether the environment names a server. */
  static isAskedFor(environment = process.env) {
    return Boolean(environment[SOCKET_VARIABLE] || environment[SERVER_VARIABLE]);
  }

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

module.exports = { Agent, fields };
