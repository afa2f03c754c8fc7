'use strict';
// Starts OpenTelemetry in a process and stays out of the application's way. The rules that it keeps:
//
// - Nothing is written to the application's output, and no failure of the agent reaches it. With OTEL_LOG_LEVEL=debug, or
//   a log level that the node agent has sent, the agent writes to standard error.
// - Signals, exit and variables of the process are as without it: OpenTelemetry's own `register` would keep a process
//   alive that gets SIGTERM, and one that ends while the collector is away (odigos-end.js).
// - Log records stay what the application writes: nothing is added to them, and they are read where the container's
//   runtime puts them.
// - An application that sets up OpenTelemetry by itself keeps its own; this one steps aside.
// - Package managers, which only start the application, are left alone, and so are worker threads: each would take 26 MB
//   more, and one with a limit of memory would end of it. So is a process in which OpenTelemetry cannot work: without
//   WebAssembly (--jitless), which Node.js' own fetch needs, or with built-in objects frozen.
// - Where the environment names an OpAMP server, the node agent is told how the process is, and may change settings while
//   it runs (odigos-opamp.js, odigos-remote.js).
const fs = require('fs');
const path = require('path');
const { isMainThread } = require('worker_threads');
const { endSoon, loosenProcessors } = require('./odigos-end.js');

// This file lies beside both agents. Versions are major * 1000 + minor.
const NEWER = 'nodejs-community';
const OLDEST = 14000;
const isForNewer = (version) => (version >= 18019 && version < 19000) || version >= 20006;
const PACKAGE_MANAGERS = /^(npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack)(-cli)?(-[0-9][^/]*)?(\.[cm]?js)?$/;
const DEFAULTS = {
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  OTEL_LOGS_EXPORTER: 'none',
  // the others ask the addresses at which clouds describe their machines
  OTEL_NODE_RESOURCE_DETECTORS: 'env,host,process',
};
const HTTP = '@opentelemetry/instrumentation-http';
const AS_IT_IS = { disableLogSending: true, disableLogCorrelation: true };
const INSTRUMENTATIONS = {
  '@opentelemetry/instrumentation-bunyan': AS_IT_IS,
  '@opentelemetry/instrumentation-pino': AS_IT_IS,
  '@opentelemetry/instrumentation-winston': AS_IT_IS,
};
const API_GLOBALS = ['opentelemetry.js.api.1', 'io.opentelemetry.js.api.logs'];

function isLeftAlone(place, version) {
  if (!isMainThread || typeof WebAssembly === 'undefined' || Object.isFrozen(Error)) return true;
  if (path.basename(place) === NEWER ? !isForNewer(version) : version < OLDEST) return true;
  if ((process.env.OTEL_SDK_DISABLED || '').toLowerCase() === 'true') return true;
  return PACKAGE_MANAGERS.test(path.basename(process.argv[1] || ''));
}

function report(error) {
  try { fs.writeSync(2, `odigos: ${(error && error.stack) || error}\n`); } catch { /* closed */ }
}

/** The settings that the node agent may change, and what reports to it; without a server nothing is there. */
function connect(debug) {
  try {
    const { RemoteSettings } = require('./odigos-remote.js');
    const settings = new RemoteSettings(debug ? 'debug' : undefined);
    const { Agent } = require('./odigos-opamp.js');
    if (!Agent.isAskedFor()) return { settings };
    const agent = new Agent(settings);
    agent.start();
    return { settings, agent };
  } catch (error) {
    if (debug) report(error);
    return {};
  }
}

/** Calls something with these variables set where they are not, and without those; afterwards all are as before. */
function withVariables(defaults, hidden, call) {
  const before = {};
  for (const name of [...Object.keys(defaults), ...hidden]) before[name] = process.env[name];
  try {
    for (const [name, value] of Object.entries(defaults)) if (!process.env[name]) process.env[name] = value;
    for (const name of hidden) delete process.env[name];
    return call();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]; else process.env[name] = value;
    }
  }
}

/** Whether the program itself is an ES module, whose imports only a hook of the module loader sees. */
function isModule(main) {
  if (!main || main.endsWith('.cjs')) return false;
  if (main.endsWith('.mjs')) return true;
  for (let directory = path.dirname(main); ; directory = path.dirname(directory)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8')).type === 'module';
    } catch (error) {
      if (error.code !== 'ENOENT' || directory === path.dirname(directory)) return false;
    }
  }
}

/**
 * Lets instrumentations see what an ES module imports: only the modules that one of them asks for are touched. Returns
 * what to call when they are set up.
 */
function followImports(resolve, place) {
  if (!isModule(process.argv[1])) return () => {};
  const { register } = require('module');
  // Without a hook there are at least the modules of Node.js itself, which are the same for all. The older agent's hook
  // draws warnings from the releases that could have it.
  if (typeof register !== 'function' || path.basename(place) !== NEWER) return () => ['http', 'https'].forEach(require);
  const { createAddHookMessageChannel } = require(resolve('import-in-the-middle'));
  const { pathToFileURL } = require('url');
  const { registerOptions } = createAddHookMessageChannel();
  register(pathToFileURL(resolve('import-in-the-middle/hook.mjs')).href, registerOptions);
  return () => {};
}

/** Calls something once when the application sets up OpenTelemetry by itself, before that takes effect. */
function watchForOthers(resolve, place, stepAside) {
  const { Hook } = require(resolve('require-in-the-middle'));
  const root = path.dirname(place) + path.sep;
  const isOurs = (directory) => !directory || directory.startsWith(root);
  let isPending = true;
  new Hook(['@opentelemetry/api'], { internals: false }, (exports, name, directory) => {
    if (isOurs(directory)) return exports;
    for (const [part, method] of [['trace', 'setGlobalTracerProvider'], ['metrics', 'setGlobalMeterProvider'],
      ['context', 'setGlobalContextManager'], ['propagation', 'setGlobalPropagator']]) {
      const original = exports[part] && exports[part][method];
      if (typeof original !== 'function') continue;
      exports[part][method] = function (...values) {
        if (isPending) {
          isPending = false;
          try { stepAside(); } catch { /* theirs goes on */ }
        }
        return original.apply(this, values);
      };
    }
    return exports;
  });
}

/** The exporters of OTLP as they are used, of whatever signal. */
class Exporters {
  constructor({ OTLPExporterBase }, settings) {
    this._known = new Set();
    this._actions = [];
    const known = this;
    const original = OTLPExporterBase.prototype.export;
    OTLPExporterBase.prototype.export = function (items, done) {
      known._add(this);
      original.call(this, items, (result) => {
        settings.exported(this.constructor.name, result.code === 0, result.error);
        done(result);
      });
    };
  }

  onEach(action) {
    this._actions.push(action);
    for (const exporter of this._known) action(exporter);
  }

  _add(exporter) {
    if (this._known.has(exporter)) return;
    this._known.add(exporter);
    for (const action of this._actions) action(exporter);
  }
}

function startOpenTelemetry(place, settings, agent) {
  const roots = [place, path.join(place, '..', 'opentelemetry-node')];
  const resolve = (name) => require.resolve(name, { paths: roots });
  const load = (name) => require(resolve(`@opentelemetry/${name}`));
  const api = load('api');
  const { NodeSDK, tracing, metrics } = load('sdk-node');
  settings.install(api, tracing);
  loosenProcessors({ tracing, metrics }, api);
  const exporters = new Exporters(load('otlp-exporter-base'), settings);
  const { getNodeAutoInstrumentations, getResourceDetectors } = load('auto-instrumentations-node');
  const settled = followImports(resolve, place);
  // OpenTelemetry's own logger writes to standard output
  const sdk = withVariables(DEFAULTS, ['OTEL_LOG_LEVEL'], () => {
    const configurations = { ...INSTRUMENTATIONS, [HTTP]: settings.headers.configuration() };
    const instrumentations = getNodeAutoInstrumentations(configurations).flat();
    settings.instrumentations = instrumentations;
    const made = new NodeSDK({ instrumentations, resourceDetectors: getResourceDetectors() });
    made.start();
    settled();
    return made;
  });
  endSoon(sdk, exporters);
  watchForOthers(resolve, place, () => {
    settings.stepAside();
    for (const name of API_GLOBALS) delete globalThis[Symbol.for(name)];
    if (agent) agent.failed('the application sets up OpenTelemetry by itself');
    sdk.shutdown().catch(() => {});
  });
}

/** Calls something without warnings of what is deprecated: they are of packages that the program has not chosen. */
function withoutDeprecations(call) {
  const own = Object.getOwnPropertyDescriptor(process, 'noDeprecation');
  process.noDeprecation = true;
  try {
    return call();
  } finally {
    if (own) Object.defineProperty(process, 'noDeprecation', own); else delete process.noDeprecation;
  }
}

/** Starts all that is in `place`, the directory of the module that is required first. */
function start(place, version, debug) {
  if (isLeftAlone(place, version)) return;
  const { settings, agent } = connect(debug);
  if (!settings) return;
  // a program that adds just as many listeners as draw no warning must see none for ours
  const most = process.getMaxListeners();
  if (most > 0) process.setMaxListeners(most + 1);
  try {
    withoutDeprecations(() => startOpenTelemetry(place, settings, agent));
    if (agent) agent.started(() => settings.components());
  } catch (error) {
    if (agent) agent.failed(error);
    if (debug) report(error);
  }
}

module.exports = { start };
