/** Random arguments, and lists of those that a rule allows, for fast-check. Drawn from few, so that they meet; some are as long as one can be, or longer. */
import fc from 'fast-check';
import { MAX_ARGUMENT_BYTES } from '@parapet/policy';

const SHARED = '--an-option-of-more-than-24-bytes=';
const ALLOWED = ['', '-a', '-b', 'ä', `${SHARED}1`, `${SHARED}2`, 'x'.repeat(24), 'x'.repeat(25), 'y'.repeat(MAX_ARGUMENT_BYTES)];
const OTHERS = [
  '-c',
  '-',
  '-ab',
  SHARED,
  `${SHARED}11`,
  'x'.repeat(26),
  'y'.repeat(MAX_ARGUMENT_BYTES + 1),
  'z'.repeat(254),
  'z'.repeat(300),
];

/** What a rule says of arguments: most say nothing. */
export const allowedArgs: fc.Arbitrary<{ allowedArgs?: readonly string[] }> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.subarray(ALLOWED, { minLength: 1 }).map((allowed) => ({ allowedArgs: allowed })) },
);

/** What a program is told besides its name. */
export const given: fc.Arbitrary<readonly string[]> = fc.oneof(
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...ALLOWED), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...ALLOWED, ...OTHERS), { maxLength: 4 }) },
);
