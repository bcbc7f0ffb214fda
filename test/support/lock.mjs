/**
 * Completes package-lock.json after `npm install`: node test/support/lock.mjs
 *
 * Packages with native parts name one optional package for each platform. Where a registry carries only some of them, npm leaves
 * the others out of the lock file, and `npm ci` then refuses that file. Each gets the entry that a full registry would have given
 * (its exact version, and the platform, so that npm never fetches it elsewhere).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];
const LIBRARIES = { gnu: 'glibc', musl: 'musl' };

/** The platform that a package's name tells, for instance `…-linux-x64-musl`; undefined when it tells none. */
export function platformOf(name) {
  const words = name.split(/[-/]/);
  const system = SYSTEMS.find((word) => words.includes(word));
  const processor = PROCESSORS.find((word) => words.includes(word));
  if (system === undefined || processor === undefined) return undefined;
  const library = system === 'linux' ? LIBRARIES[words.at(-1)] : undefined;
  return { cpu: [processor], os: [system], ...(library === undefined ? {} : { libc: [library] }) };
}

/** Adds the missing entries to a parsed lock file (version 3) and returns their names. */
export function completeLock(lock) {
  const added = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      const platform = platformOf(name);
      if (lock.packages[key] !== undefined || lock.packages[`${path}/${key}`] !== undefined) continue;
      if (platform === undefined || !/^\d+\.\d+\.\d+$/.test(version)) continue;
      const { cpu, os, libc } = platform;
      lock.packages[key] = { version, cpu, ...(entry.dev ? { dev: true } : {}), ...(libc ? { libc } : {}), optional: true, os };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([left], [right]) => left.localeCompare(right, 'en')));
  return added;
}

if (process.argv[1] === import.meta.filename) {
  const path = join(import.meta.dirname, '../../package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const added = completeLock(lock);
  if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(added.length === 0 ? 'package-lock.json is complete' : `package-lock.json: added ${added.join(', ')}`);
}
