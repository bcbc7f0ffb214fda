/** The bundling process: one request on stdin, one answer on stdout. A process of its own, because hostile source can break esbuild. */
import { bundle } from './bundler.ts';
import type { BundleRequest } from './bundler.ts';

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const answer = await bundle(JSON.parse(Buffer.concat(chunks).toString('utf8')) as BundleRequest);
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
