/** Linux's, by number from 1; the host may have others. */
const names =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );
/** As C libraries have them: glibc, by which images are written, keeps the first two of the kernel's to itself. */
const realTime = { first: 34, last: 64 };

/** The number of a signal of the guest's, from a name or a number as images have them: `SIGQUIT`, `QUIT`, `3`, `SIGRTMIN+3`. */
export function signalNumber(text: string): number | null {
  if (/^\d{1,2}$/.test(text)) return inRange(Number(text));
  const name = text.toUpperCase().replace(/^SIG/, '');
  const [, end, offset] = /^RT(MIN|MAX)((?:[+-]\d{1,2})?)$/.exec(name) ?? [];
  if (end !== undefined) {
    const number = (end === 'MIN' ? realTime.first : realTime.last) + Number(offset || 0);
    return number >= realTime.first && number <= realTime.last ? number : null;
  }
  const index = names.indexOf(name);
  return index < 0 ? null : index + 1;
}

const inRange = (number: number) => (number >= 1 && number <= realTime.last ? number : null);
