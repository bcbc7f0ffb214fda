/** Random files for accesses, for fast-check: with other names, some of which rules name too, and of every class. */
import fc from 'fast-check';
import { FILE_CLASSES, MAX_PROGRAM_NAMES, wholePaths } from '@parapet/policy';
import type { Access, Policy } from '@parapet/policy';

/** Names that no rule has; with them a program can have as many as one may have, and more. */
const UNNAMED = Array.from({ length: MAX_PROGRAM_NAMES + 1 }, (_, i) => `/unnamed/${i}`);

/** The same accesses; some of those to paths are to a file with other names, or to one that is nowhere, or elsewhere. */
export function withFiles(accesses: fc.Arbitrary<Access>, set: readonly Policy[]): fc.Arbitrary<Access> {
  const named = wholePaths(set).filter((path) => path !== '/');
  const fileClass = fc.option(fc.constantFrom(...FILE_CLASSES), { nil: undefined, freq: 5 });
  const several = fc.uniqueArray(fc.constantFrom(...named, UNNAMED[0]!), { minLength: 1, maxLength: 4 });
  const names = fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: several },
    {
      weight: 1,
      arbitrary: fc.tuple(several, fc.integer({ min: 4, max: UNNAMED.length })).map(([some, more]) => [...some, ...UNNAMED.slice(1, more)]),
    },
  );
  return fc.tuple(accesses, names, fileClass).map(([access, others, which]) => {
    if (access.type !== 'path') return access;
    const otherNames = which === undefined ? others.filter((path) => path !== access.path) : others;
    return { ...access, ...(otherNames.length > 0 ? { otherNames } : {}), ...(which === undefined ? {} : { fileClass: which }) };
  });
}
