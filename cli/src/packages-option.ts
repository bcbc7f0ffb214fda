/** `--packages`: where programs get the packages from that their lock file names. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Terminal } from './exit.ts';

export interface PackagesFlags {
  readonly packages?: string;
}

export function withPackages(command: Command): Command {
  return command.option(
    '--packages <dir>',
    "package store, in the form of npm's cache, for the packages of a package-lock.json (default: PARAPET_PACKAGES, else none)",
  );
}

/** Absolute path of the package store; `undefined` where there is none. */
export function packagesOf({ packages = '' }: PackagesFlags, { env }: Pick<Terminal, 'env'>): string | undefined {
  const folder = packages === '' ? (env['PARAPET_PACKAGES'] ?? '') : packages;
  return folder === '' ? undefined : resolve(folder);
}
