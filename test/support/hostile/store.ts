/** The package store of a reconciler under attack: what is in it may be hostile, too. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface Stored {
  readonly version: string;
  readonly integrity: string;
  readonly archive: Buffer;
}

async function stored(name: string, files: Readonly<Record<string, string | Buffer>>): Promise<Stored> {
  const tar = pack();
  const read = buffer(tar);
  const all = { 'package/package.json': JSON.stringify({ name, version: '1.0.0', scripts: { install: 'touch made' } }), ...files };
  for (const [file, content] of Object.entries(all)) tar.entry({ name: file, mtime: new Date(0) }, content);
  tar.finalize();
  const archive = gzipSync(await read, { level: 1 });
  return { version: '1.0.0', integrity: `sha512-${createHash('sha512').update(archive).digest('base64')}`, archive };
}

export const STORED = {
  /** Does what a package can try when it is imported. */
  curious: await stored('curious', { 'package/index.js': `module.exports = require('../../../outside/secret.ts');` }),
  /** Holds a file whose name leads out. */
  leading: await stored('leading', { 'package/../../../outside/index.js': `module.exports = 1;` }),
  /** Was made small by compression only. */
  huge: await stored('huge', { 'package/index.js': Buffer.alloc(160 * 1024 * 1024) }),
  /** Is another one by now. */
  changed: await stored('changed', { 'package/index.js': `module.exports = 1;` }),
};

/** Fills the store in `folder`. */
export function fillStore(folder: string): void {
  for (const [name, { integrity, archive }] of Object.entries(STORED)) {
    const hex = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
    const file = join(folder, '_cacache/content-v2/sha512', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, name === 'changed' ? STORED.curious.archive : archive);
  }
}
