// As index.cjs, for what integrations into test runners need.
'use strict';
const { join } = require('node:path');
const { _load: load = require } = require('node:module');
module.exports = load(join(__dirname, '../dist/testing/index.js'));
