/** What containers are subject to besides rules as they are written. Prints facts, a line of JSON each, for containers.test.ts. For the microVM, as root. */
import { mkdirSync, readFileSync } from 'node:fs';
import { limited } from './limits.ts';
import * as node from './node.ts';
import { POLICY_FILES } from './start-manifests.ts';
import { execute, fact, READ_SECRET, sh, start, startForLong, startProgram } from './starting.ts';

const [, , image = ''] = process.argv;

async function inOneContainer(): Promise<void> {
  await startForLong('stays');
  const stays = { name: 'stays', runtimeNamespace: 'default', labels: [] };
  fact(
    'paths and links',
    await node.attempt(
      stays,
      'read /etc/secret',
      'exec /bin/ls',
      'exec /usr/bin/ls',
      'exec /usr/bin/tool',
      'read /etc/alias',
      'read /srv/real',
    ),
  );
  await node.eventually('alerts of links', () => node.alerts().some(({ resource }) => resource === '/srv/real'));
  const named = node.alerts().filter(({ resource, policyName }) => policyName === 'links' && resource !== undefined);
  fact('rules of links', Object.fromEntries(named.map(({ resource, rule }) => [resource, rule])));
}

async function annotated(): Promise<void> {
  const annotation = (text: string): readonly string[] => ['--annotation', `kubearmor-policy=${text}`];
  fact('audited', await start(sh(READ_SECRET), ...annotation('audited')));
  fact('audited by our own', await start(sh(READ_SECRET), '--annotation', 'parapet.dev/policy=audited'));
  await node.command('ctr', 'containers', 'label', 'stays', 'kubearmor-policy=disabled', 'parapet.dev/policy=disabled');
  await node.whenEnforced('shop/web');
  fact('a label', await execute('stays', sh(READ_SECRET)));
  fact('disabled', await start(sh(READ_SECRET), ...annotation('disabled')));
  fact('neither', await start(sh(READ_SECRET), ...annotation('whatever')));
  await node.eventually('alerts of audited containers', () => node.alerts().some(({ action }) => action === 'Audit (Block)'));
  fact('actions', [...new Set(node.alerts().map(({ action, result }) => `${String(action)}: ${String(result)}`))].sort());
  fact('warning', readFileSync(node.LOG, 'utf8').includes('kubearmor-policy is "whatever", which is none of enabled, audited, disabled'));
  fact(
    'not on the list, in a namespace that blocks',
    await start(sh('/bin/cat /etc/other > /dev/null 2>&1 && echo passed || echo refused'), '--label', 'list=yes'),
  );
}

/** A protocol and a capability that are on no list, in a namespace that blocks those and in one that says nothing. */
async function unlisted(): Promise<void> {
  const uses = sh(
    [
      'case "$(/usr/bin/nc 127.0.0.1 9 2>&1 < /dev/null)" in *ermission*) echo refused;; *) echo passed;; esac',
      'if /usr/bin/cat /srv/closed > /dev/null 2>&1; then echo passed; else echo refused; fi',
    ].join('\n'),
  );
  fact('uses in a namespace that blocks', await start(uses, '--label', 'uses=yes'));
  fact('uses in one that says nothing', await start(uses, '--label', 'uses=yes', '--label', 'parapet.dev/namespace=free'));
}

/** Reads the secret again and again; its lines in a file of `/tmp`. */
const reading = (name: string): string => `while :; do ${READ_SECRET}; /usr/bin/sleep 0.2; done >> /tmp/${name} 2> /dev/null`;

/** A first process that moves itself into a cgroup below its container's is no way out of the rules, also not for those that stay behind. */
async function moved(agent: ReturnType<typeof node.startAgent>): Promise<ReturnType<typeof node.startAgent>> {
  const below = '/cgroup/default/moved/below';
  const script = `/usr/bin/mkdir ${below}\n${reading('stays')} &\necho $$ > ${below}/cgroup.procs\n${reading('first')}`;
  await startProgram('moved', sh(script), '--mount', 'type=bind,src=/sys/fs/cgroup,dst=/cgroup,options=rbind:rw');
  const first = await node.pidOf({ name: 'moved', runtimeNamespace: 'default', labels: [] });
  const probes = ['first', 'stays'].map((name) => new node.Probe(first, name));
  const placeOfFirst = (): string => readFileSync(`/proc/${first}/cgroup`, 'utf8').trim();
  await node.eventually('the first process has moved', () => placeOfFirst() === '0::/default/moved/below');
  agent.kill('SIGKILL');
  await node.ended(agent);
  const next = node.startAgent('--default-posture', 'audit');
  await node.whenEnforced('shop/web');
  const executed = await execute('moved', sh(READ_SECRET));
  fact('below, in its own cgroup, executed', [...(await Promise.all(probes.map((probe) => probe.next()))), executed]);
  return next;
}

mkdirSync(node.POLICIES, { recursive: true });
node.writePolicies(POLICY_FILES);
await node.command('ctr', 'images', 'import', image);
const agent = node.startAgent('--default-posture', 'audit');
await node.whenEnforced('shop/web');
await inOneContainer();
await annotated();
await unlisted();
const limiting = await limited(agent);
const last = await moved(limiting);
last.kill('SIGTERM');
await node.ended(last);
fact('log', readFileSync(node.LOG, 'utf8').split('\n').slice(0, -1));
