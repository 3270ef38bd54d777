/** jest integration; `test.msb` arrives with its own issue. */
export {};
