import { expect, it } from 'vitest';
import { signalNumber } from './signal-number.js';

it.each([
  ['SIGTERM', 15],
  ['quit', 3],
  ['SIGKILL', 9],
  ['SIGSYS', 31],
  ['3', 3],
  ['64', 64],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['RTMAX-1', 63],
])('%s is %i', (text, number) => expect(signalNumber(text)).toBe(number));

it.each(['', 'SIG', '0', '65', '-9', 'SIGFOO', 'RTMIN-1', 'RTMAX+1', 'RTMIN+', 'SIGTERM ', '1e1'])(
  '%j is none',
  (text) => expect(signalNumber(text)).toBeNull(),
);
