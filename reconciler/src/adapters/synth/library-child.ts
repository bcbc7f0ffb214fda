/** The process that bundles the packages that ship with Parapet: a list of them on stdin, the bundle on stdout. */
import { bundleLibrary } from './library.ts';
import type { Library } from './library.ts';

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const bundled = await bundleLibrary(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Library);
process.stdout.write(JSON.stringify(bundled), () => process.exit(0));
