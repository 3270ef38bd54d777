// See index.cjs.
const { runInThisContext } = require('node:vm');
const { createRequire } = runInThisContext('process').getBuiltinModule('module');
module.exports = createRequire(__filename)('../dist/conformance/index.js');
