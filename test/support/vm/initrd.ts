/** The first file system of the microVM: a static busybox, the modules that reach the host's files, and `init.sh`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { cpioArchive } from './cpio.ts';
import type { CpioEntry } from './cpio.ts';
import type { Kernel } from './kernel.ts';

const run = promisify(execFile);
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console'];
const BUSYBOX = '/bin/busybox';

/** Files of modules in the order in which to load them; a module that is built in has none. */
async function moduleFiles(kernel: Kernel): Promise<string[]> {
  const base = kernel.modules.slice(0, -join('/lib/modules', kernel.release).length);
  const env = { ...process.env, PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env['PATH'] ?? ''}` };
  const found: string[] = [];
  for (const name of MODULES) {
    const { stdout } = await run('modprobe', ['-S', kernel.release, '-d', base, '--show-depends', name], { env });
    for (const [file] of stdout.matchAll(/\/\S+\.ko(\.xz)?/g)) if (!found.includes(file)) found.push(file);
  }
  return found;
}

async function readModule(file: string): Promise<Buffer> {
  if (!file.endsWith('.xz')) return readFile(file);
  return (await run('xz', ['-dc', file], { encoding: 'buffer', maxBuffer: 64 << 20 })).stdout;
}

async function entries(kernel: Kernel, init: string): Promise<CpioEntry[]> {
  const list: CpioEntry[] = ['bin', 'lib', 'proc', 'sys', 'dev', 'new', 'host', 'up'].map((name) => ({ name, kind: 'directory' }));
  list.push({ name: 'dev/console', kind: 'character-device', major: 5, minor: 1 });
  list.push({ name: 'bin/busybox', kind: 'file', mode: 0o755, content: await readFile(BUSYBOX) });
  list.push({ name: 'init', kind: 'file', mode: 0o755, content: Buffer.from(init) });
  const order: string[] = [];
  for (const file of await moduleFiles(kernel)) {
    const name = basename(file, '.xz');
    order.push(name);
    list.push({ name: `lib/${name}`, kind: 'file', mode: 0o644, content: await readModule(file) });
  }
  list.push({ name: 'lib/order', kind: 'file', mode: 0o644, content: Buffer.from(order.map((name) => `${name}\n`).join('')) });
  return list;
}

/** The path of the initrd for `kernel`, made once and kept beside it. Throws when busybox-static is not there. */
export async function findInitrd(kernel: Kernel): Promise<string> {
  if (!existsSync(BUSYBOX)) throw new Error(`${BUSYBOX} is missing: apt-get install busybox-static`);
  const init = await readFile(join(import.meta.dirname, 'init.sh'), 'utf8');
  const { mtimeMs, size } = await stat(BUSYBOX);
  const key = createHash('sha256').update(`${init}\n${MODULES.join()}\n${mtimeMs}\n${size}`).digest('hex').slice(0, 16);
  const path = join(kernel.directory, `initrd-${key}.cpio`);
  if (existsSync(path)) return path;
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, cpioArchive(await entries(kernel, init)));
  await rename(draft, path);
  return path;
}
