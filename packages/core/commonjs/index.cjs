// The library for `require`. Not by the module system that asks, since that may be a test runner's own, which could not load
// ES modules or would make a second copy, but by Node's: whoever asks gets the one instance of this process. `_load` is what
// Node's `require` calls; a runner's `createRequire`, also that of `process.getBuiltinModule`, is the runner's (jest 30.5).
'use strict';
const { join } = require('node:path');
const { _load: load = require } = require('node:module');
module.exports = load(join(__dirname, '../dist/index.js'));
