/** `npm run nightly` does at full length, and on every machine, what `npm test` does in part. */
export const NIGHTLY = process.env['PARAPET_NIGHTLY'] === 'true';

/** What is done then only: nothing otherwise, so that nothing is skipped. */
export function nightly<T>(...more: readonly T[]): readonly T[] {
  return NIGHTLY ? more : [];
}
