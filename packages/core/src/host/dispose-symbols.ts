/**
 * Gives `Symbol.dispose` and `Symbol.asyncDispose` to realms that lack them: Node 20 has them in its main one only, and test
 * runners run files in others. To be imported before anything that has `using` or such a method in it. The names are those that
 * compilers fall back to, so that code of either kind understands the other.
 */
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (!(name in Symbol)) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
}
