'use strict';
// What Node.js requires first in an instrumented process: it starts OpenTelemetry, and whatever goes wrong with that is
// kept from the application. OTEL_LOG_LEVEL=debug says it on standard error.
try {
  const path = require('path');
  const roots = [__dirname, path.join(__dirname, '..', 'opentelemetry-node')];
  const resolve = (name) => require.resolve(name, { paths: roots });
  process.env.OTEL_EXPORTER_OTLP_PROTOCOL = process.env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf';
  let register;
  try { register = resolve('@opentelemetry/auto-instrumentations-node/register'); } catch { /* an older release */ }
  if (register) {
    require(register);
  } else {
    const { NodeSDK } = require(resolve('@opentelemetry/sdk-node'));
    const { getNodeAutoInstrumentations } = require(resolve('@opentelemetry/auto-instrumentations-node'));
    new NodeSDK({ instrumentations: [getNodeAutoInstrumentations()] }).start();
  }
} catch (error) {
  if ((process.env.OTEL_LOG_LEVEL || '').toLowerCase() === 'debug') console.error(error);
}
