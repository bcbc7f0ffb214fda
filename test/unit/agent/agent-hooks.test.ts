import { expect, test } from '@jest/globals';
import { Agent } from '../../../agent/src/agent.ts';
import { containerOf, FakeEnforcer, fakePorts, fileOf, manifest } from '../../support/agent-fakes.ts';

const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;

test('a policy that needs a hook which this kernel lacks is degraded by name, and its other rules are enforced', async () => {
  const enforcer = new FakeEnforcer();
  enforcer.support = { ...enforcer.support, missingHooks: ['capable'] };
  const { ports, state, log } = fakePorts(enforcer);
  const agent = new Agent(ports, { node: 'n1', cluster: 'default', postures, now: () => Date.now(), reportPause: 5 });
  await agent.start();
  state.onContainers([containerOf(1)]);
  const needy = manifest('needy', { spec: { capabilities: { matchCapabilities: [{ capability: 'net_raw' }] } } });
  state.onFiles([fileOf('a.yaml', manifest('a'), needy)]);
  const answer = await agent.wait({ policy: 'shop/needy', timeoutMs: 1000 });
  expect(answer.exit).toBe(1);
  expect(answer.message).toMatch(/^shop\/needy is degraded: .*no hook for capable.*\[hook-missing\]$/);
  expect(await agent.wait({ policy: 'shop/a', timeoutMs: 1000 })).toMatchObject({ exit: 0 });
  expect(enforcer.held(1)).toEqual(['a', 'needy']);
  const told = expect.stringMatching(/^a\.yaml:1: KubeArmorPolicy shop\/needy: warning: .*\[hook-missing\]/);
  expect(agent.status().problems).toEqual([told]);
  expect(log).toEqual([told]);
  await agent.stop({ keep: true });
});
