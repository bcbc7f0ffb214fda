/** GitHub's own description of the operations that the stand-ins serve. */
import { join } from 'node:path';
import { readDescription } from '../hosts/described.ts';

export const findOperation = readDescription({
  file: join(import.meta.dirname, 'openapi-extract.json'),
  errors: { $ref: '#/components/schemas/basic-error' },
});
