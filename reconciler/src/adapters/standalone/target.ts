/**
 * The standalone target: a directory instead of a cluster (docs/architecture.md).
 *
 * One rename is the moment of truth: `policies` starts to point at the new revision. The inventory of a revision is written beside it
 * before that, so whatever the moment of a crash, link and inventory agree; `inventory.json` is a copy for readers and is repaired.
 */
import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Problem } from '@parapet/policy';
import { readInventory } from '../../inventory.ts';
import type { Inventory } from '../../inventory.ts';
import type { StoredFile } from '../../manifest.ts';
import type { PolicyTarget, ReportFile } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { errorCode, flipLink, isLeftover, parseJson, readRegularFile, syncDirectory, writeAtomically, writeDurably } from './atomic.ts';
import { readReports } from './reports.ts';

const STORE = '.store';
const MAX_INVENTORY_BYTES = 64 * 1024 * 1024;
/** Old revisions that stay, for readers that are in the middle of one. */
const KEPT_REVISIONS = 2;
/** `.store/<digest>`, or `.store/<digest>-<n>` where that was tampered with. */
const REVISION = /^[0-9a-f]{64}(-\d+)?$/;

export class StandaloneTarget implements PolicyTarget {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(): Promise<readonly Problem[]> {
    return this.#io('cannot be prepared', async () => {
      const link = await linkTarget(this.#path('policies'));
      if (link !== undefined && (link === 'not a link' || revisionOf(link) === undefined)) return [notOurs(this.#path('policies'))];
      await fs.mkdir(this.#path(STORE), { recursive: true });
      await fs.mkdir(this.#path('reports'), { recursive: true });
      const inventory = await this.inventory();
      if (inventory !== undefined) await this.#publish(inventory);
      await this.#tidy(await this.#current());
      return [];
    });
  }

  async inventory(): Promise<Inventory | undefined> {
    return this.#io('cannot be read', async () => {
      const current = await this.#current();
      if (current === undefined) return undefined;
      const file = await readRegularFile(this.#path(STORE, `${current}.json`), MAX_INVENTORY_BYTES);
      const inventory = readInventory(file === undefined ? undefined : parseJson(file.text));
      if (inventory !== undefined) return inventory;
      // Never guessed: without it the next run could not tell what to keep.
      throw new StageError('target', `the inventory of the applied revision is damaged: ${this.#path(STORE, `${current}.json`)}`, {
        retry: false,
      });
    });
  }

  async apply({ inventory, files }: { readonly inventory: Inventory; readonly files: readonly StoredFile[] }): Promise<void> {
    await this.#io('cannot be written', async () => {
      const revision = await this.writeRevision(inventory.digest, files);
      await writeAtomically(this.#path(STORE, `${revision}.json`), toText(inventory));
      if ((await this.#current()) !== revision) await flipLink(this.#path('policies'), join(STORE, revision));
      await this.#publish(inventory);
      await this.#tidy(revision);
    });
  }

  /** Puts a revision beside the one in use, under its final name only once it is complete; gives that name. */
  async writeRevision(digest: string, files: readonly StoredFile[]): Promise<string> {
    for (let attempt = 0; ; attempt += 1) {
      const revision = attempt === 0 ? digest : `${digest}-${attempt}`;
      if (await this.#holds(revision, files)) return revision;
      const temporary = await fs.mkdtemp(this.#path(STORE, '.new-'));
      await fs.chmod(temporary, 0o755);
      for (const { file, content } of files) await writeDurably(join(temporary, file), content);
      await syncDirectory(temporary);
      try {
        await fs.rename(temporary, this.#path(STORE, revision));
        await syncDirectory(this.#path(STORE));
        return revision;
      } catch (error) {
        await fs.rm(temporary, { recursive: true, force: true });
        // Something else has the name: another revision's leftovers, changed by hand. It may be in use, so it is left alone.
        if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errorCode(error)) || attempt > 100) throw error;
      }
    }
  }

  async reports(): Promise<readonly ReportFile[]> {
    return this.#io('cannot be read', () => readReports(this.#path('reports')));
  }

  /** The revision that `policies` points at. */
  async #current(): Promise<string | undefined> {
    const link = await linkTarget(this.#path('policies'));
    return link === undefined ? undefined : revisionOf(link);
  }

  /** Whether a revision is there with exactly these files: what was stored once may have been changed by hand since. */
  async #holds(revision: string, files: readonly StoredFile[]): Promise<boolean> {
    const directory = this.#path(STORE, revision);
    const names = await fs.readdir(directory).catch(() => undefined);
    if (names?.length !== files.length) return false;
    for (const { file, content } of files) {
      const stored = await readRegularFile(join(directory, file), Buffer.byteLength(content));
      if (stored?.text !== content) return false;
    }
    return true;
  }

  async #publish(inventory: Inventory): Promise<void> {
    const file = this.#path('inventory.json');
    const text = toText(inventory);
    const known = await readRegularFile(file, MAX_INVENTORY_BYTES);
    if (known?.text !== text) await writeAtomically(file, text);
  }

  /** Removes revisions that nobody reads any more, and what a crash left. Failing here is no reason to fail. */
  async #tidy(current: string | undefined): Promise<void> {
    const list = async (directory: string): Promise<string[]> => fs.readdir(directory).catch(() => []);
    const names = await list(this.#path(STORE));
    const revisions = names.filter((name) => REVISION.test(name) && name !== current);
    const age = async (name: string): Promise<number> =>
      fs.stat(this.#path(STORE, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
    const ages = await Promise.all(revisions.map(async (name) => ({ name, time: await age(name) })));
    ages.sort((a, b) => b.time - a.time);
    const kept = [current, ...ages.slice(0, KEPT_REVISIONS).map(({ name }) => name)];
    const gone = names.filter((name) => REVISION.test(name.replace(/\.json$/, '')) && !kept.includes(name.replace(/\.json$/, '')));
    const leftovers = names.filter((name) => name.startsWith('.new-') || isLeftover(name));
    const above = (await list(this.#directory)).filter(isLeftover);
    for (const path of [...[...gone, ...leftovers].map((name) => this.#path(STORE, name)), ...above.map((name) => this.#path(name))])
      await fs.rm(path, { recursive: true, force: true }).catch(() => undefined);
  }

  #path(...parts: readonly string[]): string {
    return join(this.#directory, ...parts);
  }

  async #io<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StageError) throw error;
      throw new StageError('target', `the target ${this.#directory} ${what}${errorCode(error) === '' ? '' : ` (${errorCode(error)})`}`, {
        cause: error,
      });
    }
  }
}

function toText(inventory: Inventory): string {
  return `${JSON.stringify(inventory, undefined, 2)}\n`;
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await fs.readlink(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'EINVAL') return 'not a link';
    throw error;
  }
}

function revisionOf(link: string): string | undefined {
  const name = link.slice(STORE.length + 1);
  return dirname(link) === STORE && REVISION.test(name) ? name : undefined;
}

function notOurs(path: string): Problem {
  return {
    code: 'target-not-ours',
    severity: 'error',
    place: { file: path },
    message: 'this is not a link that the reconciler made, so it is left alone',
    hint: 'give another --target, or move it away',
  };
}
