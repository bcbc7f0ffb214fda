import { expect, test } from '@jest/globals';
import { createMetrics } from '../../../reconciler/src/adapters/metrics.ts';
import type { PrometheusMetrics } from '../../../reconciler/src/adapters/metrics.ts';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import type { Metrics } from '../../../reconciler/src/ports.ts';

interface Family {
  name: string;
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Reads Prometheus' text format strictly: whatever is not of it throws. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let family: Family | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, keyword, about, rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      expect(families.has(about ?? '')).toBe(false);
      family = { name: about ?? '', help: rest, type: '', samples: [] };
      families.set(family.name, family);
      continue;
    }
    if (family === undefined) throw new Error(`before any family: ${line}`);
    if (keyword === 'TYPE') family.type = rest;
    else family.samples.push(sample(line, family.name));
  }
  return families;
}

function sample(line: string, family: string): Family['samples'][number] {
  const [, name, braces, value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || !name.startsWith(family)) throw new Error(`no sample of ${family}: ${line}`);
  const labels: Record<string, string> = {};
  const rest = (braces ?? '').replace(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/g, (_all, label: string, text: string) => {
    labels[label] = text;
    return '';
  });
  expect(rest).toBe('');
  return { name, labels, value: Number(value) };
}

const read = async ({ expose }: PrometheusMetrics): Promise<Map<string, Family>> => parse((await expose()).text);
async function value(all: PrometheusMetrics, name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const samples = [...(await read(all)).values()].flatMap((family) => family.samples);
  return samples.find((one) => one.name === name && Object.entries(labels).every(([label, text]) => one.labels[label] === text))?.value;
}
const series = async (all: PrometheusMetrics, name: string): Promise<number> => (await read(all)).get(name)?.samples.length ?? 0;

/** One call of everything there is. */
function exercise(metrics: Metrics): void {
  metrics.runEnded('applied');
  metrics.stageEnded('synth_run', 250);
  metrics.policies('parapet-system/shop', { total: 12, enforced: 9, degraded: 1, refused: 1 });
  metrics.ready('parapet-system/shop', true);
  metrics.succeeded('parapet-system/shop', 1_700_000_000_500);
  metrics.drifted('corrected', 3);
  metrics.pruneBlocked();
  metrics.synthCache('hit');
  metrics.synthCache('miss');
  metrics.outboxQueued('api.github.com', 4);
  metrics.outboxAnswered('api.github.com', 'posted');
  metrics.outboxAnswered('api.github.com', 'retried');
  metrics.outboxAnswered('api.github.com', 'refused');
  metrics.webhook({ host: 'GitHub', event: 'push', result: 'accepted' });
  metrics.watchRestarted('KubeArmorPolicy');
  metrics.apiRequest('patch', 200);
  metrics.leading(true);
}

test('names, units and helps are as Prometheus asks for', async () => {
  const all = createMetrics({ process: false });
  exercise(all.metrics);
  const families = [...(await read(all)).values()];
  expect(families.length).toBeGreaterThan(15);
  for (const { name, type, help, samples } of families) {
    expect(name).toMatch(/^parapet_[a-z]+(_[a-z]+)*$/);
    expect(help).toMatch(/^[A-Z].{10,}[^.]$/);
    expect(['counter', 'gauge', 'histogram']).toContain(type);
    // counters say so, and nothing else does; what is left for histograms is taken by nobody
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(count|sum|bucket|info)$/);
    // base units only, at the end of the name, and no type in it
    expect(name).not.toMatch(/(^|_)(milliseconds?|ms|minutes?|hours?|kilobytes?|kb|mb|percent|counter|gauge|histogram)(_|$)/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    for (const { labels } of samples) for (const label of Object.keys(labels)) expect(label).toMatch(/^[a-z]+(_[a-z]+)*$/);
    // a label that scraping adds itself
    for (const { labels } of samples)
      expect(Object.keys(labels)).not.toEqual(expect.arrayContaining(['namespace', 'instance', 'job', 'pod']));
    for (const { labels } of samples) expect(Object.values(labels)).not.toContain('');
  }
});

test('everything that is told arrives, in base units', async () => {
  const all = createMetrics({ process: false });
  exercise(all.metrics);
  const shop = { source_namespace: 'parapet-system', source_name: 'shop' };
  const expected: [string, Record<string, string>, number][] = [
    ['parapet_source_runs_total', { outcome: 'applied' }, 1],
    ['parapet_source_runs_total', { outcome: 'failed' }, 0],
    ['parapet_stage_duration_seconds_sum', { stage: 'synth_run' }, 0.25],
    ['parapet_stage_duration_seconds_bucket', { stage: 'synth_run', le: '0.25' }, 1],
    ['parapet_stage_duration_seconds_count', { stage: 'prune' }, 0],
    ['parapet_policies', { ...shop, state: 'enforced' }, 9],
    ['parapet_policies', { ...shop, state: 'pending' }, 1],
    ['parapet_source_ready', shop, 1],
    ['parapet_source_last_success_timestamp_seconds', shop, 1_700_000_000.5],
    ['parapet_drift_total', { answer: 'corrected' }, 3],
    ['parapet_drift_total', { answer: 'reported' }, 0],
    ['parapet_prune_blocked_total', {}, 1],
    ['parapet_synth_cache_hits_total', {}, 1],
    ['parapet_synth_cache_misses_total', {}, 1],
    ['parapet_outbox_queued', { host: 'api.github.com' }, 4],
    ['parapet_outbox_posted_total', { host: 'api.github.com' }, 1],
    ['parapet_outbox_retries_total', { host: 'api.github.com' }, 1],
    ['parapet_outbox_refused_total', { host: 'api.github.com' }, 1],
    ['parapet_webhooks_total', { host: 'GitHub', event: 'push', result: 'accepted' }, 1],
    ['parapet_watch_restarts_total', { kind: 'KubeArmorPolicy' }, 1],
    ['parapet_api_requests_total', { verb: 'patch', code: '200' }, 1],
    ['parapet_leader', {}, 1],
  ];
  for (const [name, labels, number] of expected) expect([name, labels, await value(all, name, labels)]).toEqual([name, labels, number]);
});

test('of a deleted source nothing is left, and of the others all', async () => {
  const all = createMetrics({ process: false });
  exercise(all.metrics);
  all.metrics.ready('other/shop', false);
  all.metrics.forget('parapet-system/shop');
  all.metrics.forget('never/seen');
  expect((await all.expose()).text).not.toContain('source_namespace="parapet-system"');
  expect(await value(all, 'parapet_source_ready', { source_namespace: 'other', source_name: 'shop' })).toBe(0);
  expect(await series(all, 'parapet_policies')).toBe(0);
});

test('whoever chooses labels can make only so many series', async () => {
  const all = createMetrics({ process: false });
  for (let n = 0; n < 6_000; n += 1) {
    all.metrics.ready(`tenant/source-${n}`, true);
    all.metrics.outboxAnswered(`host-${n}.test`, 'posted');
    all.metrics.webhook({ host: `h${n}`, event: 'push', result: 'malformed' });
    all.metrics.watchRestarted(`Kind${n}`);
    all.metrics.apiRequest('get', n);
  }
  expect(await series(all, 'parapet_source_ready')).toBe(5_000);
  expect(await series(all, 'parapet_outbox_posted_total')).toBe(51);
  expect(await value(all, 'parapet_outbox_posted_total', { host: 'other' })).toBe(5_950);
  expect(await series(all, 'parapet_webhooks_total')).toBe(51);
  expect(await series(all, 'parapet_watch_restarts_total')).toBe(51);
  expect(await series(all, 'parapet_api_requests_total')).toBe(501);
  // one that goes makes room for another
  all.metrics.forget('tenant/source-0');
  all.metrics.ready('tenant/late', true);
  expect(await value(all, 'parapet_source_ready', { source_name: 'late' })).toBe(1);
});

test('numbers that make no sense and names that are hostile break nothing', async () => {
  const all = createMetrics({ process: false });
  for (const number of [Number.NaN, Infinity, -1]) {
    all.metrics.stageEnded('apply', number);
    all.metrics.drifted('reported', number);
    all.metrics.policies('a/b', { total: number, enforced: number, degraded: 0, refused: 0 });
    all.metrics.apiRequest('get', number);
  }
  all.metrics.watchRestarted('evil"} 1\nparapet_leader 7 \\');
  all.metrics.outboxQueued('x'.repeat(100_000), 1);
  expect(await value(all, 'parapet_leader')).toBe(0);
  expect((await all.expose()).text.length).toBeLessThan(50_000);
});

test('of the process itself CPU, memory and the event loop are told', async () => {
  const all = createMetrics();
  expect(await value(all, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(await value(all, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(await value(all, 'nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
  expect((await all.expose()).contentType).toMatch(/^text\/plain; version=0\.0\.4/);
});

test('two of them know nothing of one another, and who needs none has one that does nothing', async () => {
  const [one, two] = [createMetrics({ process: false }), createMetrics({ process: false })];
  exercise(one.metrics);
  exercise(NO_METRICS);
  NO_METRICS.forget('a/b');
  expect(await value(two, 'parapet_prune_blocked_total')).toBe(0);
});
