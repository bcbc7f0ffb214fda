/** Somebody who pushes policies all the time: adds, changes and removes some, and makes mistakes. */
import { Repository } from '../../unit/reconciler/repositories.ts';
import type { CommitKind, Pushed } from './history.ts';
import type { Random } from './random.ts';

const MOST = 8;
const LEAST = 2;

const BROKEN: readonly string[] = [
  "throw new Error('a mistake');\n",
  "import { nothing } from './nowhere.ts';\nnothing();\n",
  'const policies = [;\n',
];
const EMPTIED = "import { mkdirSync } from 'node:fs';\nmkdirSync('dist');\n";

export interface WriterOptions {
  /** What its policies' names begin with. */
  readonly prefix: string;
  readonly namespace: string;
  readonly random: Random;
}

export class Writer {
  readonly repository = new Repository({ empty: true });
  readonly commits: Pushed[] = [];
  readonly #options: WriterOptions;
  /** As its author has them now, whether pushed in a commit that can be used or not. */
  #policies: ReadonlyMap<string, string> = new Map();
  #versions = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get last(): Pushed | undefined {
    return this.commits.at(-1);
  }

  /** Pushes one more commit; of a random kind unless told. */
  push(kind: CommitKind = this.#kind()): Pushed {
    const { random } = this.#options;
    const isRead = kind === 'good' || kind === 'partly';
    if (isRead) this.#policies = this.#changed();
    const policies = isRead ? this.#policies : new Map<string, string>();
    const spoilt = kind === 'partly' ? random.pick([...policies.keys()]) : undefined;
    const at = Date.now();
    const text = kind === 'broken' ? random.pick(BROKEN) : kind === 'emptied' ? EMPTIED : this.#program(policies, spoilt);
    // Two commits of the same program are two commits.
    const commit = this.repository.commit({ 'main.ts': `${text}// ${this.commits.length}\n` });
    const pushed: Pushed = { commit, kind, policies, at, ...(spoilt === undefined ? {} : { spoilt }) };
    this.commits.push(pushed);
    return pushed;
  }

  #kind(): CommitKind {
    return this.commits.length === 0 ? 'good' : this.#options.random.pick(['good', 'good', 'good', 'good', 'partly', 'broken', 'emptied']);
  }

  /** At least one policy says something else, and mostly one is new and one is gone. */
  #changed(): ReadonlyMap<string, string> {
    const { prefix, random } = this.#options;
    const names = random.shuffled([...this.#policies.keys()]);
    const next = new Map(this.#policies);
    for (const name of names.slice(0, random.whole(1, 2))) next.set(name, this.#version());
    for (const name of names.slice(-random.whole(0, 2))) if (next.size > LEAST && random.happens(0.8)) next.delete(name);
    const free = random.shuffled(Array.from({ length: 12 }, (_, at) => `${prefix}-${at}`).filter((name) => !next.has(name)));
    for (const name of free.slice(0, random.whole(next.size < LEAST ? 3 : 1, 3))) if (next.size < MOST) next.set(name, this.#version());
    return next;
  }

  #version(): string {
    this.#versions += 1;
    return `/opt/v${this.#versions}`;
  }

  /** Nothing is imported that would have to be bundled, so that a run is short. */
  #program(policies: ReadonlyMap<string, string>, spoilt: string | undefined): string {
    const { namespace } = this.#options;
    const documents = [...policies].map(([name, version]) => ({
      apiVersion: 'security.kubearmor.com/v1',
      kind: 'KubeArmorPolicy',
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: { app: name } },
        process: { matchPaths: [{ path: name === spoilt ? 'no/path' : version }] },
        action: 'Block',
      },
    }));
    return [
      "import { mkdirSync, writeFileSync } from 'node:fs';",
      "mkdirSync('dist');",
      `const policies = ${JSON.stringify(documents)};`,
      "writeFileSync('dist/shop.yaml', policies.map((each) => JSON.stringify(each)).join('\\n---\\n'));",
      '',
    ].join('\n');
  }
}
