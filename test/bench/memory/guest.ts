/**
 * The agent as it is installed, with many containers and policies, for the microVM: prints `resident BYTES SHARE` once all is in force, SHARE being
 * the containers that are confined. Each container is a process in a cgroup of its own; containerd is a stand-in that lists them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTAINERS, POLICIES } from './size.ts';
import { serveContainerd } from './containerd.ts';

const HOME = '/var/tmp/memory';
const SOCKET = `${HOME}/containerd.sock`;
const PATIENCE = 400_000;
/** Kinds of workloads; each has its share of the policies. */
const APPS = 10;

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

function status(): Status | undefined {
  try {
    const { containers = [], policies = [] } = JSON.parse(
      execFileSync('parapet', ['agent', 'status', '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as Partial<Status>;
    return { containers, policies };
  } catch {
    return undefined;
  }
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
  const seen = status();
  const enforced = seen?.policies.filter(({ state }) => state === 'Enforced').length ?? 0;
  const held = seen?.containers.filter(({ tableHash }) => tableHash !== '').length ?? 0;
  share = Math.min(enforced / POLICIES, held / CONTAINERS);
}
await sleep(15_000);
const resident = /VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1];
process.stdout.write(`\nresident ${Number(resident) * 1024} ${share}\n`);
agent.kill('SIGTERM');
process.exit(0);
