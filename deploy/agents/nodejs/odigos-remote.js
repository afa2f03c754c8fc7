'use strict';
// What of the configuration that the node agent sends is carried out while the process runs:
//
//   SDK.traceSignal.enabled                              whether there are spans at all
//   InstrumentationLibraries[] {name, traces.enabled}    whether a library makes spans
//   container_config.traces.headSampling.fallbackFraction, or headSamplerConfig.fallbackFraction of the section without
//   a name                                               which part of the traces that begin here is kept
//   container_config.traces.headersCollection.headerKeys which headers of HTTP become attributes of spans
//   container_config.agentDiagnostics.*LogLevel          whether the agent writes to standard error, and how much
//
// `effective` says what is in force and which other settings came and are not carried out. A span that is not made leaves
// the trace in one piece: what would be below it hangs below its parent.
const fs = require('fs');
const util = require('util');
const { Headers } = require('./odigos-headers.js');

const LEVELS = ['error', 'warn', 'info', 'debug'];
// of the container's entry: what is carried out, and what is no setting of the agent
const KNOWN = {
  traces: ['headSampling', 'headersCollection', 'traceVerbosity'],
  agentDiagnostics: ['odigosLogLevel', 'openTelemetryComponentsLogLevel'],
};
const IDENTITY = ['containerName', 'agentEnabled', 'agentEnabledReason', 'agentEnabledMessage', 'otelDistroName',
  'distroParams', 'envInjectionMethod', 'podManifestInjectionOptional'];
const SCOPE_PREFIX = '@opentelemetry/instrumentation-';

/** An object of the configuration, or nothing; anything else is refused by its name. */
function objectOf(value, name) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  return value;
}

function listOf(value, name) {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
  return value;
}

function fractionOf(traces, language) {
  const sampling = objectOf(traces.headSampling, 'headSampling');
  if (sampling.dryRun) return undefined;
  let fraction = sampling.fallbackFraction;
  if (fraction === undefined || fraction === null) {
    fraction = objectOf(language.headSamplerConfig, 'headSamplerConfig').fallbackFraction;
  }
  if (fraction === undefined || fraction === null) return undefined;
  if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1)) {
    throw new RangeError(`the fraction ${fraction} is not between 0 and 1`);
  }
  return fraction;
}

/** The settings that came and are not carried out. */
function* ignored(container) {
  for (const [name, value] of Object.entries(container)) {
    if (IDENTITY.includes(name) || !value || typeof value !== 'object') continue;
    for (const setting of Object.keys(value)) {
      if (!(KNOWN[name] || []).includes(setting)) yield `${name}.${setting}`;
    }
  }
  const sampling = objectOf(objectOf(container.traces, 'traces').headSampling, 'headSampling');
  if (listOf(sampling.noisyOperations, 'noisyOperations').length) yield 'traces.headSampling.noisyOperations';
}

class RemoteSettings {
  /** `level` is what the agent writes where nobody says anything else. */
  constructor(level) {
    this._ownLevel = level;
    this.instrumentations = [];
    this._hasTraces = true;
    this._isAside = false;
    this._disabled = [];
    this._fraction = undefined;
    this._sampler = undefined;
    this.headers = new Headers();
    this._level = level;
    this._ignored = [];
    this._exports = {};
  }

  // In force

  /** Whether an instrumentation scope makes no spans. */
  drops(scope) {
    if (this._isAside || !this._hasTraces) return true;
    return this._disabled.some((name) =>
      scope === name || scope === SCOPE_PREFIX + name || scope.startsWith(`${name}/`));
  }

  /** No spans from now on, whatever is configured: another OpenTelemetry makes them. */
  stepAside() { this._isAside = true; }

  /** What is in force, as JSON. */
  effective() {
    const traces = { enabled: this._hasTraces, disabledLibraries: [...this._disabled].sort() };
    if (this._fraction !== undefined) traces.fallbackFraction = this._fraction;
    if (this.headers.names.length) traces.headersCollection = { headerKeys: this.headers.names };
    const result = { traces };
    if (this._level !== undefined) result.logLevel = this._level;
    if (this._ignored.length) result.notCarriedOut = this._ignored;
    return JSON.stringify(result);
  }

  /** Carries the sections out; throws where they cannot be read, and then changes nothing. */
  apply(sections) {
    const sdk = objectOf(sections.SDK, 'SDK');
    const container = objectOf(sections.container_config, 'container_config');
    const language = objectOf(sections[''], 'the section of the language');
    const disabled = listOf(sections.InstrumentationLibraries, 'InstrumentationLibraries')
      .filter((library) => objectOf(objectOf(library, 'a library').traces, 'traces').enabled === false)
      .map((library) => String(library.name));
    const traces = objectOf(container.traces, 'traces');
    const fraction = fractionOf(traces, language);
    const keys = listOf(objectOf(traces.headersCollection, 'headersCollection').headerKeys, 'headerKeys');
    const headers = Headers.read(keys);
    const diagnostics = objectOf(container.agentDiagnostics, 'agentDiagnostics');
    const level = diagnostics.odigosLogLevel || diagnostics.openTelemetryComponentsLogLevel || undefined;
    if (level !== undefined && !LEVELS.includes(level)) {
      throw new RangeError(`the log level ${level} is none of ${LEVELS.join(', ')}`);
    }
    const hasTraces = objectOf(sdk.traceSignal, 'traceSignal').enabled !== false;
    const unnamed = headers.others.map((key) => `traces.headersCollection.headerKeys ${util.inspect(key)}`);
    const others = [...ignored(container), ...unnamed].sort();

    this._hasTraces = hasTraces;
    this._disabled = disabled;
    this._fraction = fraction;
    this._sampler = fraction === undefined ? undefined : this._makeSampler(fraction);
    this._ignored = others;
    this.headers.names = headers.names;
    this._setLevel(level === undefined ? this._ownLevel : level);
  }

  _makeSampler(fraction) {
    if (!this._tracing) return undefined;
    const { ParentBasedSampler, TraceIdRatioBasedSampler } = this._tracing;
    return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(fraction) });
  }

  /** What the agent writes to standard error: nothing where the level is undefined. */
  _setLevel(level) {
    if (level === this._level) return;
    this._level = level;
    if (this._api) this._listen();
  }

  _listen() {
    const { diag, DiagLogLevel } = this._api;
    if (this._level === undefined) {
      if (this._isListening) diag.disable();
      this._isListening = false;
      return;
    }
    const writes = (name) => (...values) => {
      try { fs.writeSync(2, `odigos: ${name}: ${util.format(...values)}\n`); } catch { /* closed */ }
    };
    const logger = { error: writes('error'), warn: writes('warn'), info: writes('info'), debug: writes('debug'), verbose() {} };
    this._isListening = true;
    diag.setLogger(logger, { logLevel: DiagLogLevel[this._level.toUpperCase()], suppressOverrideMessage: true });
  }

  // OpenTelemetry

  /** Puts itself between OpenTelemetry's SDK and its users; call it before the SDK is set up. */
  install(api, tracing) {
    this._api = api;
    this._tracing = tracing;
    if (this._level !== undefined) this._listen();
    const settings = this;
    const { prototype } = tracing.BasicTracerProvider;
    const { getTracer } = prototype;
    const gated = new WeakSet();
    prototype.getTracer = function (name, ...rest) {
      const tracer = getTracer.call(this, name, ...rest);
      if (!gated.has(tracer)) {
        gated.add(tracer);
        settings._gate(tracer, String(name));
      }
      return tracer;
    };
  }

  _gate(tracer, scope) {
    const settings = this;
    const { trace, context: contexts, INVALID_SPAN_CONTEXT } = this._api;
    const inner = tracer._sampler;
    if (inner && typeof inner.shouldSample === 'function') {
      tracer._sampler = {
        shouldSample: (...values) => (settings._sampler || inner).shouldSample(...values),
        toString: () => (settings._sampler || inner).toString(),
      };
    }
    const { startSpan } = tracer;
    tracer.startSpan = function (name, options = {}, context = contexts.active()) {
      if (!settings.drops(scope)) return startSpan.call(this, name, options, context);
      const parent = options && options.root ? undefined : trace.getSpanContext(context);
      return trace.wrapSpanContext(parent || INVALID_SPAN_CONTEXT);
    };
  }

  /** What became of an export, of the class of an exporter. */
  exported(exporter, isSent, error) {
    if (!exporter.includes('Trace')) return;
    this._exports['exporter/otlp'] = [isSent, isSent ? '' : `spans cannot be sent: ${(error && error.message) || error}`];
  }

  /** The health of the parts that run: {name: [healthy, error]}. */
  components() {
    const found = { ...this._exports };
    for (const one of this.instrumentations) {
      const modules = one._modules || [];
      if (modules.some((module) => module.moduleExports || (module.files || []).some((file) => file.moduleExports))) {
        found[one.instrumentationName] = [true, ''];
      }
    }
    return found;
  }
}

module.exports = { RemoteSettings };
