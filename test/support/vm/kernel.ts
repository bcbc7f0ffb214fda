/** Debian's kernels for the microVM: found in apt's lists, downloaded, unpacked into the cache (never installed). */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '../cache.ts';
import { KERNELS } from './options.ts';
import type { KernelName } from './options.ts';

const run = promisify(execFile);
const PATH = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${process.env['PATH'] ?? ''}`;
const environment = { ...process.env, PATH, LC_ALL: 'C' };

/** An unpacked kernel. */
export interface Kernel {
  /** As `uname -r` says it. */
  readonly release: string;
  /** The unpacked package, with an index of its modules. */
  readonly directory: string;
  readonly image: string;
  /** `…/lib/modules/RELEASE`. */
  readonly modules: string;
}

function seriesOf(name: KernelName): { series: string; flavour: string } {
  const [series = '', realtime] = name.split('-');
  return { series, flavour: realtime === undefined ? '' : `-${realtime}` };
}

const byVersion = (left: string, right: string): number => left.localeCompare(right, 'en', { numeric: true });

/** The names among `packages` that are kernels of this series and flavour, newest first. */
export function kernelPackages(name: KernelName, packages: readonly string[]): string[] {
  const { series, flavour } = seriesOf(name);
  const wanted = new RegExp(`^linux-image-${series.replace('.', '\\.')}\\.\\d[\\w.+~]*(-\\d[\\w.]*)?${flavour}-amd64$`);
  return packages
    .filter((entry) => wanted.test(entry))
    .sort(byVersion)
    .reverse();
}

/** The newest unpacked kernel of this name in the cache. */
export async function cachedKernel(name: KernelName): Promise<Kernel | undefined> {
  const directory = join(cacheDirectory(), 'kernels');
  if (!existsSync(directory)) return undefined;
  const [newest] = kernelPackages(name, await readdir(directory));
  return newest === undefined ? undefined : openKernel(join(directory, newest));
}

async function openKernel(directory: string): Promise<Kernel> {
  const [image] = (await readdir(join(directory, 'boot'))).filter((file) => file.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`${directory} holds no kernel: remove it and run this again`);
  const release = image.slice('vmlinuz-'.length);
  const prefix = existsSync(join(directory, 'lib/modules')) ? 'lib/modules' : 'usr/lib/modules';
  return { release, directory, image: join(directory, 'boot', image), modules: join(directory, prefix, release) };
}

async function hasCandidate(packageName: string): Promise<boolean> {
  const { stdout } = await run('apt-cache', ['policy', packageName], { env: environment });
  return /Candidate: (?!\(none\))/.test(stdout);
}

async function listedPackage(name: KernelName): Promise<string | undefined> {
  const { series } = seriesOf(name);
  const { stdout } = await run('apt-cache', ['pkgnames', `linux-image-${series}`], { env: environment });
  for (const candidate of kernelPackages(name, stdout.split('\n'))) if (await hasCandidate(candidate)) return candidate;
  return undefined;
}

async function download(packageName: string, into: string): Promise<void> {
  const fetchPackage = () =>
    run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', packageName], { cwd: into, env: environment });
  try {
    await fetchPackage();
  } catch {
    // Lists grow stale: Debian removes a kernel from its mirrors when the next one is out.
    await run('apt-get', ['-q', 'update'], { env: environment });
    await fetchPackage();
  }
}

async function unpack(packageName: string): Promise<Kernel> {
  const directory = join(cacheDirectory(), 'kernels');
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(directory, '.unpack-'));
  try {
    await download(packageName, work);
    const [archive] = (await readdir(work)).filter((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get download ${packageName} brought no package`);
    const root = join(work, 'root');
    await run('dpkg-deb', ['-x', join(work, archive), root], { env: environment });
    const { release, modules } = await openKernel(root);
    await run('depmod', ['-b', modules.includes('/usr/lib/') ? join(root, 'usr') : root, release], { env: environment });
    // Somebody else may have finished first; theirs is as good.
    await rename(root, join(directory, packageName)).catch((error: unknown) => {
      if (!existsSync(join(directory, packageName))) throw error;
    });
    return await openKernel(join(directory, packageName));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * The kernel called `name`, from the cache or else from Debian. Without a name: 6.1, or 6.12 where there is no 6.1.
 * `onProgress` gets a sentence when something must be downloaded. Throws, saying what to do, when Debian's lists have no such kernel.
 */
export async function findKernel(name: KernelName | undefined, onProgress: (sentence: string) => void): Promise<Kernel> {
  const names = name === undefined ? KERNELS.filter((entry) => !entry.includes('-')) : [name];
  for (const entry of names) {
    const cached = await cachedKernel(entry);
    if (cached !== undefined) return cached;
  }
  for (const entry of names) {
    const packageName = await listedPackage(entry);
    if (packageName === undefined) continue;
    onProgress(`downloading ${packageName} for the microVM`);
    return unpack(packageName);
  }
  throw new Error(
    `no package of a ${names.join(' or ')} kernel in apt's lists: run apt-get update` +
      (name?.startsWith('6.12') === true
        ? '; on Debian 12 this kernel is in backports: add "deb http://deb.debian.org/debian bookworm-backports main" to /etc/apt/sources.list.d/ first'
        : ''),
  );
}
