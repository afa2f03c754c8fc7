'use strict';
// Headers of HTTP messages as attributes of spans, as InstrumentationRules ask for (`headersCollection`): on both sides, of
// requests and of answers, by the names of the semantic conventions, such as `http.request.header.x-tenant`. The value of
// a header that is a secret by its name is [REDACTED].
const SECRET = /authorization|cookie|token|secret|password|api-?key/i;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

class Headers {
  constructor() { this.names = []; }

  /** What of a rule's names can be names of headers, sorted, and the others. */
  static read(keys) {
    const isName = (key) => typeof key === 'string' && NAME.test(key);
    const names = new Set(keys.filter(isName).map((key) => key.toLowerCase()));
    return { names: [...names].sort(), others: keys.filter((key) => !isName(key)) };
  }

  /** What the instrumentation of `http` is configured with: it asks for each exchange, at its end, what is wanted then. */
  configuration() {
    return {
      applyCustomAttributesOnSpan: (span, request, response) => {
        this._collect(span, request, 'request');
        this._collect(span, response, 'response');
      },
    };
  }

  _collect(span, message, kind) {
    for (const name of message ? this.names : []) {
      // what was received has `headers`, what is sent `getHeader`
      const value = message.headers ? message.headers[name] : message.getHeader(name);
      if (value === undefined) continue;
      const values = Array.isArray(value) ? value.map(String) : [String(value)];
      span.setAttribute(`http.${kind}.header.${name}`, SECRET.test(name) ? ['[REDACTED]'] : values);
    }
  }
}

module.exports = { Headers };
