/** Packages that ship with Parapet and were taken in place of those that the lock file names, which can't be had. */
import { join } from 'node:path';
import type { BundleProblem } from './bundle-protocol.ts';
import type { Lack } from './locked-packages.ts';
import { readSource } from './source-file.ts';

const MAX_PACKAGE_JSON = 1024 * 1024;

/** One build's. */
export class Substitutes {
  readonly #taken = new Map<string, { readonly lack: Lack; readonly name: string; readonly folder: string }>();

  /** `folder` is the shipped package's. */
  note(lack: Lack, name: string, folder: string): void {
    this.#taken.set(lack.key, { lack, name, folder });
  }

  /** Whether the store may come to have what it lacked, and the same files give another result then. */
  get isProvisional(): boolean {
    return [...this.#taken.values()].some(({ lack }) => lack.isOfStore);
  }

  /** A warning for each whose version is not the one in the lock file. */
  async warnings(): Promise<readonly BundleProblem[]> {
    const sorted = [...this.#taken.values()].sort((a, b) => (a.lack.key < b.lack.key ? -1 : 1));
    const said = await Promise.all(
      sorted.map(async ({ lack, name, folder }): Promise<readonly BundleProblem[]> => {
        const shipped = await versionIn(folder);
        if (lack.version === undefined || lack.version === shipped) return [];
        const message = `${JSON.stringify(lack.key)} is to be ${lack.version}, and the program got the ${name} ${shipped} that ships with Parapet`;
        const { line } = lack;
        return [
          {
            ...{ code: 'package-substituted', message, hint: lack.hint, file: 'package-lock.json' },
            ...(line === undefined ? {} : { line }),
          },
        ];
      }),
    );
    return said.flat();
  }
}

async function versionIn(folder: string): Promise<string> {
  const json = JSON.parse((await readSource(join(folder, 'package.json'), MAX_PACKAGE_JSON)).toString('utf8')) as { version?: unknown };
  return String(json.version);
}
