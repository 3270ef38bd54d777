// @ts-ignore: with `module: node16` compilers hold that no `require` can load ES modules
export * from '../dist/conformance/index.js';
