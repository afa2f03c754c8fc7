'use strict';
// What Node.js requires first in an instrumented process: it hands over to odigos-agent.js, and whatever goes wrong with
// that is kept from the application. A Node.js that is too old for the agent beside it starts untouched; therefore this
// file must be valid for every Node.js that knows NODE_OPTIONS.
(function () {
  var debug = (process.env.OTEL_LOG_LEVEL || '').toLowerCase() === 'debug';
  try {
    var numbers = process.versions.node.split('.');
    var version = Number(numbers[0]) * 1000 + Number(numbers[1]);
    if (version < 14000) return;
    require('./odigos-agent.js').start(__dirname, version, debug);
  } catch (error) {
    if (debug) {
      try { require('fs').writeSync(2, 'odigos: ' + (error && error.stack || error) + '\n'); } catch (e) { /* closed */ }
    }
  }
})();
