// The library for CommonJS. Jest has a `require` of its own, which cannot load ES modules; Node's real one can, and is to be had
// in the world outside of jest's. So a process has one instance of the library, whichever module system asks for it.
const { runInThisContext } = require('node:vm');
const { createRequire } = runInThisContext('process').getBuiltinModule('module');
module.exports = createRequire(__filename)('../dist/index.js');
