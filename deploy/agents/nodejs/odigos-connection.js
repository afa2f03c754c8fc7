'use strict';
// The way to the node agent: HTTP over a Unix socket or TCP, by nothing but Node.js, and in nobody's traces: it keeps what
// Node.js had before anybody changed it.
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const net = require('net');

// Taken before instrumentations and libraries for tests put their own in these places.
const { request } = http;
const { lookup } = dns;
const { connect } = net.Socket.prototype;

const SERVER_VARIABLE = 'ODIGOS_OPAMP_SERVER_HOST';
const SOCKET_VARIABLE = 'ODIGOS_OPAMP_UNIX_SOCKET';
const PATH = '/v1/opamp';
const TIMEOUT_SECONDS = 2;
const LARGEST_ANSWER = 1 << 20;

/** Sends messages over a connection that is kept: to the Unix socket where there is one, else to the port. */
class Connection {
  /** Whether the environment names a server. */
  static isAskedFor(environment = process.env) {
    return Boolean(environment[SOCKET_VARIABLE] || environment[SERVER_VARIABLE]);
  }

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

module.exports = { Connection };
