'use strict';
console.log(`own: module ${globalThis.shopName || 'missing'}`);
require('http').createServer((request, response) => response.end('node')).listen(8080);
