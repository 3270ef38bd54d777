/** What the process has been warned of, of our kinds of warning, while `work` ran. */
export async function warningsOf(work: () => Promise<void>): Promise<string[]> {
  const codes: string[] = [];
  const note = (warning: Error & { code?: string }) => {
    if (warning.code?.startsWith('MSB_')) codes.push(warning.code);
  };
  process.on('warning', note);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve)); // a warning is told in a later turn
  } finally {
    process.off('warning', note);
  }
  return codes;
}
