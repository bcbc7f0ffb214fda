/** The bundling process: one request on stdin, then the shipped packages where those are bundled, one answer on stdout. A process of its own, because hostile source can break esbuild. */
import type { BundleRequest } from './bundle-protocol.ts';
import { bundle } from './bundler.ts';
import type { LibraryBundle } from './library-shim.ts';

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const input = Buffer.concat(chunks);
const end = input.indexOf('\n');
const request = JSON.parse(input.toString('utf8', 0, end)) as BundleRequest;
const shipped = input.toString('utf8', end + 1);
const answer = await bundle(shipped === '' ? request : { ...request, bundled: JSON.parse(shipped) as LibraryBundle });
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
