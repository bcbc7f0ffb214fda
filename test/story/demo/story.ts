/**
 * The main job, end to end: a commit becomes kernel enforcement, and comes back as commit statuses.
 * The demo prints it; test/e2e/demo.test.ts asserts it.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { probeKernel } from '@parapet/agent';
import { startGithub } from '../../support/github/index.ts';
import { PATIENCE } from '../../support/patience.ts';
import { buildImage } from '../../support/image/index.ts';
import { ATTEMPTS, CHANGE, IMAGE } from './attempts.ts';
import { startNode } from './enforcement-node.ts';
import type { EnforcementNode } from './enforcement-node.ts';
import { makeRepository } from './repository.ts';
import type { Repository } from './repository.ts';
import { observe, scriptFor } from './scenario.ts';
import { slowness } from './slowness.ts';
import type { Observation } from './scenario.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const TOKEN = 'demo-token-of-the-stand-in';
/** Milliseconds after which an alert that has not come is missing. They come within one or two thousand. */
const ALERTS_LIMIT = 60_000;

/** A status as it stands on a commit. */
export interface Status {
  readonly context: string;
  readonly state: string;
  readonly description: string;
}

export interface Alert {
  readonly policyName: string;
  readonly operation: string;
  readonly resource: string;
  readonly action: string;
  readonly rule: string;
  readonly repository: string;
  readonly commit: string;
  readonly sourceLine: string;
  readonly containerName: string;
}

export interface Outcome {
  readonly where: string;
  readonly commit: string;
  readonly observations: readonly Observation[];
  /** For each attempt that must alert, its alert if it came. */
  readonly alerts: readonly { readonly attempt: Observation; readonly alert: Alert | undefined }[];
  readonly statuses: readonly Status[];
  readonly secondCommit: string;
  /** From the push to the moment the running container obeyed both changes. */
  readonly changeMs: number;
  /** How many times slower than when it is idle a usual machine was then; at least 1. */
  readonly slowness: number;
  readonly secondStatuses: readonly Status[];
  /** Requests to the status host that GitHub's description does not allow. */
  readonly statusHostFaults: readonly string[];
}

interface Voice {
  heading(text: string): void;
  line(text: string): void;
}

type Github = Awaited<ReturnType<typeof startGithub>>;

/** The latest status of each context, oldest context first. */
function latest(github: Github, sha: string): Status[] {
  const contexts = new Map<string, Status>();
  for (const status of github.statuses(sha)) contexts.set(status.context, status);
  return [...contexts.values()];
}

async function awaitStatus(
  github: Github,
  sha: string,
  wanted: { readonly context: string; readonly states: readonly string[] },
): Promise<Status> {
  for (const deadline = Date.now() + PATIENCE; ; await sleep(20)) {
    const found = latest(github, sha).find(({ context }) => context === wanted.context);
    if (found !== undefined && wanted.states.includes(found.state)) return found;
    if (Date.now() > deadline)
      throw new Error(`no ${wanted.context} ${wanted.states.join('|')} on ${sha.slice(0, 7)} (now: ${found?.state ?? 'none'})`);
  }
}

/** Starts `parapet reconcile` as a user would. */
function startReconciler(options: {
  repository: Repository;
  target: string;
  github: Github;
  say: (text: string) => void;
}): () => Promise<void> {
  const { repository, target, github, say } = options;
  const child = spawn(
    join(ROOT, 'node_modules/.bin/parapet'),
    ['reconcile', '--source', repository.url, '--target', target, '--interval', '200ms'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PARAPET_GITHUB_API_URL: github.url, PARAPET_GITHUB_REPOSITORY: 'shop/policies', PARAPET_GITHUB_TOKEN: TOKEN },
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      for (const text of chunk.toString().trimEnd().split('\n')) say(text);
    });
  }
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

function alertsOf(share: string): Alert[] {
  const text = readFileSync(join(share, 'alerts.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Alert);
}

function isWanted(alert: Alert, wanted: NonNullable<Observation['alert']>): boolean {
  const { action, policyName, operation, resource } = wanted;
  return alert.action === action && alert.policyName === policyName && alert.operation === operation && alert.resource === resource;
}

/** Waits until each attempt that must alert has its alert; what is missing when time is up never comes. */
async function matchAlerts(share: string, observations: readonly Observation[]): Promise<Outcome['alerts']> {
  for (const deadline = Date.now() + ALERTS_LIMIT; ; await sleep(100)) {
    const alerts = alertsOf(share);
    const matched = observations.flatMap((attempt) => {
      const wanted = attempt.alert;
      if (wanted === undefined) return [];
      // each alert answers for one attempt
      const index = alerts.findIndex((one) => one.containerName === attempt.container && isWanted(one, wanted));
      return [{ attempt, alert: index < 0 ? undefined : alerts.splice(index, 1)[0] }];
    });
    if (matched.every(({ alert }) => alert !== undefined) || Date.now() > deadline) return matched;
  }
}

async function tryAccesses(node: EnforcementNode): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const container of ['web', 'vault'] as const) {
    const attempts = ATTEMPTS.filter((attempt) => attempt.container === container);
    observations.push(...observe(attempts, await node.run(container, scriptFor(attempts))));
  }
  return observations;
}

/** Pushes the second commit while the web container runs, and measures how long it takes to obey, and how slow the machine is meanwhile. */
async function change(node: EnforcementNode, repository: Repository): Promise<Pick<Outcome, 'secondCommit' | 'changeMs' | 'slowness'>> {
  const probe = node.probe('web', CHANGE.probe);
  while (!probe().includes('relaxed refused, tightened passes')) await sleep(50);
  for (const { from, to } of CHANGE.edits) repository.edit(CHANGE.file, from, to);
  const slowBefore = slowness();
  const before = Date.now();
  const secondCommit = repository.push('Install packages again; nobody reads the users');
  while (!probe().includes(CHANGE.done)) {
    if (Date.now() - before > PATIENCE) throw new Error(`the container does not obey: ${probe().split('\n').at(-2) ?? ''}`);
    await sleep(10);
  }
  const changeMs = Date.now() - before;
  return { secondCommit, changeMs, slowness: Math.max(slowBefore, slowness()) };
}

/** Runs the whole story in a workspace of its own, which is removed afterwards unless something failed. */
export async function tellStory(voice: Voice): Promise<Outcome> {
  const workspace = mkdtempSync(join(tmpdir(), 'parapet-demo-'));
  const share = join(workspace, 'node');
  const target = join(share, 'target');
  mkdirSync(target, { recursive: true });

  voice.heading('1. An author commits policies');
  const repository = makeRepository(workspace, join(ROOT, 'examples/quickstart'));
  const commit = repository.push('Policies of the shop');
  voice.line(`${repository.url} holds commit ${commit.slice(0, 7)}: examples/quickstart, a TypeScript program`);

  voice.heading('2. The reconciler turns the commit into policies, and says so on the commit');
  const github = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
  const stopReconciler = startReconciler({ repository, target, github, say: (text) => voice.line(text) });
  let node: EnforcementNode | undefined;
  let finished = false;
  try {
    const synth = await awaitStatus(github, commit, { context: 'parapet/synth', states: ['success', 'failure', 'error'] });
    if (synth.state !== 'success') throw new Error(`parapet/synth is ${synth.state}: ${synth.description}`);

    voice.heading('3. A node starts');
    const support = await probeKernel({ bpfDirectory: join(ROOT, 'bpf/build') });
    const where = support.enforcer === 'none' ? `a microVM with Debian's kernel` : `this machine's kernel (${support.kernel})`;
    voice.line(`enforcing in ${where}${support.problems[0] === undefined ? '' : `, because here: ${support.problems[0].message}`}`);
    buildImage({ ...IMAGE, out: join(share, 'image.tar') });
    node = await startNode({ share, policies: ['shop/web', 'shop/vault'], support, say: (text) => voice.line(text) });
    await node.ready();

    voice.heading('4. Programs in the containers try what they may and may not');
    const observations = await tryAccesses(node);

    voice.heading('5. Alerts arrive, and the commit turns red');
    const alerts = await matchAlerts(share, observations);
    await awaitStatus(github, commit, { context: 'parapet/enforced', states: ['success'] });
    await awaitStatus(github, commit, { context: 'parapet/violations', states: ['failure'] });
    const statuses = latest(github, commit);

    voice.heading('6. A second commit relaxes one rule and tightens another');
    const changed = await change(node, repository);
    const { secondCommit } = changed;
    await awaitStatus(github, secondCommit, { context: 'parapet/enforced', states: ['success'] });
    const secondStatuses = latest(github, secondCommit);
    const statusHostFaults = github.faults();
    finished = true;
    return { where, commit, observations, alerts, statuses, ...changed, secondStatuses, statusHostFaults };
  } finally {
    // the reconciler first: that a node lifts its rules because the story is over is no news for the commit
    await stopReconciler();
    await node?.stop();
    await github.close();
    if (finished) rmSync(workspace, { recursive: true, force: true });
    else voice.line(`what was written so far stays in ${workspace}`);
  }
}
