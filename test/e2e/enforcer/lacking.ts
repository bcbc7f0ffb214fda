/** The agent on a kernel that lacks hooks: its types are shown to the agent with other names for them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { Agent } from '../../../agent/src/agent.ts';
import { containerOf, fakePorts, fileOf, manifest } from '../../support/agent-fakes.ts';
import { PATIENCE } from '../../support/patience.ts';
import { HOME } from './paths.ts';
import { act, BUILD, fact, makeCgroup } from './stage.ts';

const TYPES = '/sys/kernel/btf/vmlinux';
const OTHER_TYPES = '/var/tmp/other-types';
const LACKED = ['capable', 'sctp_assoc_request'];

/** What policies of the container say, by their name. */
const SPECS: Readonly<Record<string, object>> = {
  files: { process: undefined, file: { matchPaths: [{ path: `${HOME}/secret` }] } },
  programs: { process: { matchPaths: [{ path: `${HOME}/bin/blocked` }] } },
  capabilities: { process: undefined, capabilities: { matchCapabilities: [{ capability: 'sys_admin' }] } },
  peers: { process: undefined, network: { matchEndpoints: [{ cidr: '127.6.0.0/16', operations: ['accept'] }] } },
  'tcp-peers': { process: undefined, network: { matchEndpoints: [{ cidr: '127.6.0.0/16', protocol: 'tcp', operations: ['accept'] }] } },
  addresses: { process: undefined, network: { matchEndpoints: [{ cidr: '127.0.0.2/32' }] } },
};
const TRIES = [`read ${HOME}/secret`, `exec ${HOME}/bin/blocked`, 'net connect 4 tcp 127.0.0.2 9', `read ${HOME}/plain`, 'hostname'];

/** A hook is a function of the kernel's; as long as its name must the other one be. */
function renameHooks(): void {
  const types = readFileSync(TYPES);
  for (const hook of LACKED) {
    const at = types.indexOf(`\0bpf_lsm_${hook}\0`);
    if (at < 0) throw new Error(`the kernel has no hook ${hook}`);
    types.write('_', at + `\0bpf_lsm_${hook}`.length - 1);
  }
  writeFileSync(OTHER_TYPES, types);
  execFileSync('mount', ['--bind', OTHER_TYPES, TYPES]);
}

/** For a kernel on which nothing is in force. */
export async function lacking(): Promise<void> {
  renameHooks();
  try {
    const enforcer = await createBpfEnforcer({ bpfDirectory: BUILD });
    fact('lacking', 'missing hooks', enforcer.support.missingHooks.join(','));
    const { ports, state } = fakePorts();
    const postures = { file: 'audit', network: 'audit', capabilities: 'audit' } as const;
    const agent = new Agent({ ...ports, enforcer }, { node: 'n1', cluster: 'default', postures, now: () => Date.now() });
    await agent.start();
    state.onContainers([containerOf(0, { cgroup: makeCgroup('lacking'), id: 'lacking' })]);
    state.onFiles([fileOf('a.yaml', ...Object.entries(SPECS).map(([name, spec]) => manifest(name, { spec })))]);
    for (const name of Object.keys(SPECS)) {
      await agent.wait({ policy: `shop/${name}`, timeoutMs: PATIENCE });
      const status = agent.status().policies.find((policy) => policy.name === name);
      const hooks = LACKED.filter((hook) => status?.message.includes(hook));
      fact('lacking', name, [status?.state, ...hooks].join(' '));
    }
    const results = await act('lacking', TRIES);
    fact('lacking', 'tries', TRIES.map((command) => results.get(command)).join(' '));
    await agent.stop({ keep: false });
  } finally {
    execFileSync('umount', [TYPES]);
  }
}
