/** vitest integration; `test.msb` arrives with its own issue. */
export {};
