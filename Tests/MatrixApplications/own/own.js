'use strict';
// What the application's own NODE_OPTIONS requires first.
globalThis.shopName = 'kept';
