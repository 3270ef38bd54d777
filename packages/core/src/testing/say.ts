/** Tells a person something while tests run; to stderr, since reports for machines may go to stdout. */
export function say(...lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}
