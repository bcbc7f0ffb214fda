/**
 * The agent as it is installed, with many containers and policies, for the microVM: prints `resident BYTES SHARE` once all is in force, SHARE being
 * the containers that are confined, and `worked BYTES ALERTS` after some work, ALERTS being what it told of. Each container is a process in a
 * cgroup of its own; containerd is a stand-in that lists them.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CONTAINERS, POLICIES } from './size.ts';
import { serveContainerd } from './containerd.ts';

const HOME = '/var/tmp/memory';
const SOCKET = `${HOME}/containerd.sock`;
const PATIENCE = 400_000;
/** Kinds of workloads; each has its share of the policies. */
const APPS = 10;
/** This process is containerd meanwhile. */
const run = promisify(execFile);

/** Starts a process in a cgroup for each container; their ids. */
function startContainers(): number[] {
  const script = `for i in $(seq ${CONTAINERS}); do
    mkdir -p /sys/fs/cgroup/bench/c$i
    sleep 2147483647 > /dev/null 2>&1 < /dev/null &
    echo $! > /sys/fs/cgroup/bench/c$i/cgroup.procs
    echo $!
  done`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n').map(Number);
}

function policyOf(index: number): object {
  const paths = (area: string, action: string) =>
    Array.from({ length: 5 }, (_, i) => ({
      path: `/${area}/of-policy-${index}/file-${i}`,
      action,
      message: `${action} of policy ${index}`,
    }));
  return {
    apiVersion: 'security.kubearmor.com/v1',
    kind: 'KubeArmorPolicy',
    metadata: { name: `policy-${index}`, namespace: 'shop', annotations: { 'parapet.dev/commit': 'a'.repeat(40) } },
    spec: {
      severity: 5,
      tags: ['NIST', 'MITRE'],
      selector: { matchLabels: { app: `app-${index % APPS}` } },
      process: { matchPaths: paths('opt', 'Block') },
      file: { matchPaths: paths('etc', 'Block'), matchDirectories: [{ dir: `/var/secrets-${index}/`, recursive: true, action: 'Audit' }] },
      network: { matchProtocols: [{ protocol: 'icmp', action: 'Block' }] },
    },
  };
}

interface Status {
  readonly containers: readonly { readonly tableHash: string }[];
  readonly policies: readonly { readonly state: string }[];
}

async function status(): Promise<Status | undefined> {
  try {
    const { stdout } = await run('parapet', ['agent', 'status', '--json'], { maxBuffer: Infinity });
    const { containers = [], policies = [] } = JSON.parse(stdout) as Partial<Status>;
    return { containers, policies };
  } catch {
    return undefined;
  }
}

/** Bytes of memory that the agent has. */
function resident(): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** What it does all day, in little: denials in some containers, and a policy that changes. */
async function work(): Promise<void> {
  for (let i = 0; i < POLICIES; i += 1) {
    for (const directory of [`/etc/of-policy-${i}`, `/var/secrets-${i}`]) mkdirSync(directory, { recursive: true });
    for (let file = 0; file < 5; file += 1) writeFileSync(`/etc/of-policy-${i}/file-${file}`, '');
    for (let file = 0; file < 20; file += 1) writeFileSync(`/var/secrets-${i}/${file}`, '');
  }
  const opens = 'for round in 1 2 3; do for file in /etc/of-policy-*/* /var/secrets-*/*; do : < $file; done; done';
  for (let i = 1; i <= APPS; i += 1)
    await run('bash', ['-c', `echo $$ > /sys/fs/cgroup/bench/c${i}/cgroup.procs; exec bash -c '${opens}'`]).catch(() => undefined);
  writeFileSync(
    `${HOME}/policies/0.yaml`,
    JSON.stringify(policyOf(POLICIES)).replaceAll(`policy-${POLICIES}`, 'policy-0').replaceAll('file-', 'changed-'),
  );
  await run('parapet', ['agent', 'wait', '--policy', 'shop/policy-0', '--timeout', '300s']);
}

/** Lines of alerts so far. */
function alerts(): number {
  return readFileSync(`${HOME}/alerts`, 'utf8').split('\n').length - 1;
}

mkdirSync(`${HOME}/policies`, { recursive: true });
const pids = startContainers();
const containers = pids.map((pid, i) => ({
  record: {
    id: `${i}`.padStart(64, '0'),
    image: 'local.test/shop:1',
    labels: {
      app: `app-${i % APPS}`,
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.pod.name': `pod-${i}`,
      'io.kubernetes.container.name': `c${i}`,
    },
  },
  pid,
}));
await serveContainerd(SOCKET, containers);
// JSON is YAML, too
for (let i = 0; i < POLICIES; i += 1) writeFileSync(`${HOME}/policies/${i}.yaml`, JSON.stringify(policyOf(i)));
const words = [
  'agent',
  'run',
  // the machine itself has no name
  '--node',
  'large',
  '--policies',
  `${HOME}/policies`,
  '--runtime',
  `unix://${SOCKET}`,
  '--alerts',
  `${HOME}/alerts`,
  '--reports',
  `${HOME}/reports`,
];
const agent = spawn('parapet', words, { stdio: ['ignore', 'inherit', 'inherit'] });
let share = 0;
for (const end = performance.now() + PATIENCE; performance.now() < end && share < 1 && agent.exitCode === null; await sleep(2000)) {
  const seen = await status();
  const enforced = seen?.policies.filter(({ state }) => state === 'Enforced').length ?? 0;
  const held = seen?.containers.filter(({ tableHash }) => tableHash !== '').length ?? 0;
  share = Math.min(enforced / POLICIES, held / CONTAINERS);
}

await sleep(15_000);
process.stdout.write(`\nresident ${resident()} ${share}\n`);
await work();
await sleep(15_000);
process.stdout.write(`\nworked ${resident()} ${alerts()}\n`);
agent.kill('SIGTERM');
process.exit(0);
