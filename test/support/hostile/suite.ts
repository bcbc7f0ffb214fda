/** Runs the attempts of all families, some families at a time, and says of each attempt what it got and what was answered. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { serveGit } from '../../unit/reconciler/repositories.ts';
import type { GitServer } from '../../unit/reconciler/repositories.ts';
import type { Account } from './account.ts';
import type { Attempt, Family } from './attempt.ts';
import { HONEST, LIMITS } from './programs.ts';
import { Lane } from './lane.ts';
import type { Watched } from './lane.ts';
import { HostileRepository } from './repository.ts';
import type { World } from './world.ts';
import { openWorld } from './world.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const MIB = 1024 * 1024;
/** Bytes of a mirror: what was given up is not kept. */
const MOST_KEPT = 16 * MIB;
/** What the reconciler's container may have, and everything in it together. */
const MOST_MEMORY = 1024 * MIB;
/** Seconds: of the reconciler's own process, and of everything that it starts. */
const MOST_CPU = { own: 5, children: 30 };
/** Seconds in which the reconciler does nothing else, on a machine that may be busy. */
const LONGEST_PAUSE = 10;
/** A text that people can read, and all of them together. */
const MOST_TEXT = { one: 4_000, together: 1 * MIB };

export interface Result {
  readonly account: Account;
  /** What the attempt got: nothing. */
  readonly got: readonly string[];
}

/** One family, with its world and its repository: where its attempts are made. */
export class Stage {
  readonly family: Family;
  readonly attempts: readonly Attempt[];
  readonly #world: World;
  readonly #results = new Map<Attempt, Awaited<Result>>();
  readonly #honest = new Awaited<readonly [Account, Account]>();

  private constructor(family: Family, world: World) {
    this.family = family;
    this.#world = world;
    this.attempts = family.attempts(world);
    for (const attempt of this.attempts) this.#results.set(attempt, new Awaited<Result>());
  }

  static async open(family: Family): Promise<Stage> {
    return new Stage(family, await openWorld());
  }

  async resultOf(attempt: Attempt): Promise<Result> {
    const result = this.#results.get(attempt);
    if (result === undefined) throw new Error('it is no attempt of this family');
    return result.promise;
  }

  /** What the honest program gave before all attempts, and what it gives after those of this family. */
  get honest(): Promise<readonly [Account, Account]> {
    return this.#honest.promise;
  }

  async run({ lane, before }: { readonly lane: Lane; readonly before: Account }): Promise<void> {
    const { home } = this.#world;
    const repository = new HostileRepository(join(home, 'repository/policies.git'));
    const server = await serveGit(join(home, 'repository'), { user: 'parapet', password: lane.token });
    try {
      for (const [attempt, result] of this.#results) result.resolve(await this.#attempt(attempt, { lane, repository, server }));
      this.#honest.resolve([before, await runHonestly(lane, repository)]);
    } catch (error) {
      this.fail(error);
    } finally {
      await server.close();
    }
  }

  close(): void {
    this.#world.close();
  }

  /** Nothing more comes of it. */
  fail(error: unknown): void {
    for (const awaited of [...this.#results.values(), this.#honest]) awaited.reject(error);
  }

  async #attempt(attempt: Attempt, { lane, repository, server }: At): Promise<Result> {
    const { tree } = attempt;
    const branch = `attempt-${this.attempts.indexOf(attempt)}`;
    const commit = typeof tree === 'function' ? tree(repository) : repository.commit(repository.tree(tree));
    repository.refer(`refs/heads/${branch}`, commit);
    server.mode = attempt.server ?? 'serve';
    const url = attempt.over === 'http' || attempt.server !== undefined ? `${server.url}/policies.git` : repository.url;
    const directory = join(this.#world.home, `source-${branch}`);
    mkdirSync(directory);
    const spec = { url, ref: { branch }, ...attempt.spec };
    this.#world.touched();
    const watched = await lane.run({ spec, directory, limits: { ...LIMITS, ...attempt.limits }, bounds: attempt.bounds ?? {} });
    const left = remains(directory).map((name) => `${name} stayed on the disk`);
    const leaked = leaks(watched, [...lane.secrets, this.#world.canary, ...machine(), directory]);
    const got = [...this.#world.touched(), ...left, ...leaked, ...excesses(watched), ...watched.account.harm, ...watched.left];
    rmSync(directory, { recursive: true, force: true });
    return { account: watched.account, got };
  }
}

/** Something that is there later. */
class Awaited<T> {
  resolve: (value: T) => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;
  readonly promise = new Promise<T>((resolve, reject) => Object.assign(this, { resolve, reject }));

  constructor() {
    // Whoever asks gets the failure; that nobody has asked yet is none.
    this.promise.catch(() => undefined);
  }
}

interface At {
  readonly lane: Lane;
  readonly repository: HostileRepository;
  readonly server: GitServer;
}

async function runHonestly(lane: Lane, repository: HostileRepository): Promise<Account> {
  repository.refer('refs/heads/honest', repository.commit(repository.tree(HONEST)));
  const directory = mkdtempSync(join(repository.directory, '../honest-'));
  const spec = { url: repository.url, ref: { branch: 'honest' } };
  return (await lane.run({ spec, directory, limits: LIMITS, bounds: {} })).account;
}

/** Machines in different places: what is made on them must be the same. */
const MANNERS: readonly Readonly<Record<string, string>>[] = [
  { TZ: 'Asia/Kathmandu', LANG: 'de_DE.UTF-8' },
  { TZ: 'America/St_Johns', LC_ALL: 'tr_TR.UTF-8' },
];

/** Runs stages, as many at a time as there are processors, each time by one reconciler that stays. */
export async function runAll(stages: readonly Stage[]): Promise<void> {
  const waiting = [...stages];
  const work = async (index: number): Promise<void> => {
    const lane = new Lane(MANNERS[index % MANNERS.length] ?? {});
    const home = mkdtempSync(join(tmpdir(), 'parapet-honest-'));
    try {
      const before = await runHonestly(lane, new HostileRepository(join(home, 'policies.git')));
      for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) await stage.run({ lane, before });
    } finally {
      await lane.close();
      rmSync(home, { recursive: true, force: true });
    }
  };
  const done = await Promise.allSettled(Array.from({ length: Math.max(2, availableParallelism()) }, (_, index) => work(index)));
  // A stage that no reconciler was there for.
  for (const lane of done) if (lane.status === 'rejected') waiting.forEach((stage) => stage.fail(lane.reason));
}

/** What a source leaves in its directory besides its mirror and the script that starts Git. */
function remains(directory: string): readonly string[] {
  const wrong = readdirSync(directory).filter((name) => !/^(mirror-[0-9a-f]{12}\.git|git\.sh)$/.test(name));
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  // What a repository could make Git do later, or make us keep.
  const borrowed = entries.filter(({ name }) => /^(alternates|hooks|modules)$/.test(name)).map(({ name }) => name);
  const bytes = entries
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return [...wrong, ...borrowed, ...(bytes > MOST_KEPT ? [`${Math.round(bytes / MIB)} MiB`] : [])];
}

/** What only this machine knows. */
function machine(): readonly string[] {
  const [line = ''] = readFileSync('/etc/passwd', 'utf8').split('\n');
  return [line, ROOT];
}

function leaks({ account, logged }: Watched, secrets: readonly string[]): readonly string[] {
  const told = JSON.stringify([account.ending.kind === 'crashed' ? '' : account.ending, account.problems, account.manifests]);
  const texts = { 'what is told': told, 'the log': logged };
  return Object.entries(texts).flatMap(([name, text]) => [
    ...secrets.filter((secret) => text.includes(secret)).map((secret) => `${name} has ${secret}`),
    ...(/\n? {4}at \S+ ?\(?(?:file:|node:|\/)/.test(text) ? [`${name} has a stack trace`] : []),
  ]);
}

/** Whatever was too much. */
function excesses({ account, childMemory, childCpu }: Watched): readonly string[] {
  const texts = account.problems.flatMap(({ message, hint, place }) => [
    message,
    hint ?? '',
    place.file ?? '',
    place.object ?? '',
    place.field ?? '',
  ]);
  const together = texts.reduce((sum, text) => sum + text.length, 0);
  const of = (is: boolean, words: string): string[] => (is ? [words] : []);
  return [
    ...of(account.memory + childMemory > MOST_MEMORY, `${Math.round((account.memory + childMemory) / MIB)} MiB of memory`),
    ...of(account.cpu > MOST_CPU.own, `${account.cpu} seconds of the reconciler's CPU`),
    ...of(childCpu > MOST_CPU.children, `${childCpu} seconds of CPU`),
    ...of(account.pause > LONGEST_PAUSE, `the reconciler did nothing else for ${account.pause} seconds`),
    ...of(
      texts.some((text) => text.length > MOST_TEXT.one),
      'a problem that is longer than anybody reads',
    ),
    ...of(together > MOST_TEXT.together, `${together} characters of problems`),
  ];
}
