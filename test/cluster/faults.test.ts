/**
 * The controller is killed at any moment, again and again, while people push to two PolicySources: in the end all is as the last commits say, and
 * at no moment was a policy removed that should have stayed, or a status lost, doubled or out of order.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Campaign } from '../support/faults/campaign.ts';
import { Random } from '../support/faults/random.ts';
import { NIGHTLY } from '../support/nightly.ts';
import { BUILD_PATIENCE } from './manifests.ts';

/** Kills before each rest. */
const KILLS = 12;
const RESTS = NIGHTLY ? 17 : 1;
/** Milliseconds for one kill, on a machine that has much else to do. */
const PATIENCE_OF_KILL = 60_000;

jest.setTimeout(RESTS * KILLS * PATIENCE_OF_KILL);

const random = new Random(Date.now());
let campaign: Campaign;

beforeAll(async () => {
  campaign = await Campaign.begin(random);
}, BUILD_PATIENCE);
afterAll(() => campaign?.end(), BUILD_PATIENCE);

/** Faults with all that it takes to look into them. */
const told = (faults: readonly string[]): readonly string[] =>
  faults.length === 0 ? [] : [`the seed was ${random.seed}`, ...faults, campaign.log];

test(`after ${RESTS * KILLS} kills everything is as the last commits say, and nothing was lost, doubled, out of order or wrongly removed`, async () => {
  const started = performance.now();
  for (let rest = 0; rest < RESTS; rest += 1) expect(told(await campaign.kill(KILLS))).toEqual([]);
  const { kills, commits, posts } = campaign.figures;
  expect(kills).toBe(RESTS * KILLS);
  // So much is the least that there has to be for any of this to say something.
  expect(commits).toBeGreaterThan(kills / 2);
  expect(posts).toBeGreaterThan(commits);
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`${JSON.stringify(campaign.figures, undefined, 1)}\n${seconds} s; seed ${random.seed}\n`);
});

test('a process that is started when all is said says nothing', async () => {
  expect(told(await campaign.saysNothingTwice())).toEqual([]);
});
