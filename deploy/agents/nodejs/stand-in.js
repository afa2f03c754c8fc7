'use strict';
// For tests: the parts of OpenTelemetry that the agent touches, as little as they can be. `lay_out` in
// test_nodejs_opamp.py puts them where the real packages lie. A program finds the spans in `globalThis.standIn`.
const spans = [];
let active;
let logger;
let level;

const INVALID_SPAN_CONTEXT = { spanId: '' };
const wrap = (context) => ({ spanContext: () => context, end() {} });

class Tracer {
  constructor(scope, sampler) {
    this._scope = scope;
    this._sampler = sampler;
  }

  startSpan(name, options, context) {
    if (!this._sampler.shouldSample()) return wrap(INVALID_SPAN_CONTEXT);
    const span = { name, scope: this._scope, parent: context && context.spanContext().spanId, spanContext: () => ({ spanId: name }) };
    spans.push(span);
    return { ...span, end() {} };
  }
}

class BasicTracerProvider {
  constructor() { this._tracers = {}; }

  getTracer(scope) { return this._tracers[scope] || (this._tracers[scope] = new Tracer(scope, { shouldSample: () => true })); }
}

class Instrumentation {
  constructor(name, isUsed) {
    this.instrumentationName = `@opentelemetry/instrumentation-${name}`;
    this._modules = [{ moduleExports: isUsed ? {} : undefined }];
  }
}
const http = new Instrumentation('http', true);

class OTLPExporterBase {
  export(items, done) { done(items.length ? { code: 0 } : { code: 1, error: new Error('refused') }); }
}
class OTLPTraceExporter extends OTLPExporterBase {}

globalThis.standIn = {
  spans, http,
  /** Makes a span, and others below it. */
  span(scope, name, below = () => {}) {
    const before = active;
    active = globalThis.standIn.provider.getTracer(scope).startSpan(name, {}, before);
    below();
    active = before;
  },
  log(name, text) {
    if (logger && DiagLogLevel[name.toUpperCase()] <= level) logger[name](text);
  },
  export: (items) => new OTLPTraceExporter().export(items, () => {}),
};

const DiagLogLevel = { ERROR: 30, WARN: 50, INFO: 60, DEBUG: 70 };
exports['@opentelemetry/api'] = {
  INVALID_SPAN_CONTEXT, DiagLogLevel,
  context: { active: () => active },
  trace: { wrapSpanContext: wrap, getSpanContext: (context) => context && context.spanContext() },
  diag: {
    setLogger(given, { logLevel }) { logger = given; level = logLevel; },
    disable() { logger = undefined; },
  },
};
exports['@opentelemetry/sdk-node'] = {
  tracing: {
    BasicTracerProvider,
    BatchSpanProcessor: class {},
    TraceIdRatioBasedSampler: class { constructor(fraction) { this.fraction = fraction; } },
    ParentBasedSampler: class {
      constructor({ root }) { this.root = root; }

      shouldSample() { return this.root.fraction > 0; }
    },
  },
  metrics: { PeriodicExportingMetricReader: class {} },
  NodeSDK: class {
    start() {
      if (process.env.STAND_IN_FAILS) throw new TypeError('it does not start');
      globalThis.standIn.provider = new BasicTracerProvider();
    }

    async shutdown() { /* nothing is left */ }
  },
};
exports['@opentelemetry/auto-instrumentations-node'] = {
  getNodeAutoInstrumentations(configs) {
    http.config = configs[http.instrumentationName];
    return [http, new Instrumentation('pg', false)];
  },
  getResourceDetectors: () => [],
};
exports['@opentelemetry/otlp-exporter-base'] = { OTLPExporterBase };
exports['require-in-the-middle'] = { Hook: class {} };
