/** `npm run nightly` does at full length, and on every machine, what `npm test` does in part. */
export const NIGHTLY = process.env['PARAPET_NIGHTLY'] === 'true';
