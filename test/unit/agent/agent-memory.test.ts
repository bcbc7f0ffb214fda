import { expect, test } from '@jest/globals';
import { Agent } from '../../../agent/src/agent.ts';
import { containerOf, eventually, execRecord, FakeEnforcer, fakePorts, fileOf, manifest } from '../../support/agent-fakes.ts';

const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;

test('after work memory is given back, and not again before there is more work', async () => {
  const enforcer = new FakeEnforcer();
  const { ports, state } = fakePorts(enforcer);
  const giveBack = { quiet: 20, apart: 20 };
  const agent = new Agent(ports, { node: 'n1', cluster: 'default', postures, now: () => Date.now(), reportPause: 5, giveBack });
  await agent.start();
  const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
  state.onContainers([containerOf(1)]);
  state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await eventually('the first time', () => enforcer.givenBack > 0);
  await pause();
  const rested = enforcer.givenBack;
  await pause();
  expect(enforcer.givenBack).toBe(rested);
  enforcer.deliver([execRecord({ table: enforcer.tables.get(1n)!, path: '/bin/sh', container: 1, generation: 2 })]);
  await eventually('the next time', () => enforcer.givenBack === rested + 1);
  await agent.stop({ keep: true });
});
