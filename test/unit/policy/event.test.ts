import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CLASS, COUNTERS, decodeEvent, EVENT_KIND, HOOKS, LAYOUT, PATH_OPERATION, SITE, VERDICT, WHO } from '@parapet/policy';

const at = LAYOUT.event;

interface Bytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function blank(): Bytes {
  const bytes = new Uint8Array(at.size);
  return { bytes, view: new DataView(bytes.buffer) };
}

test('every field of a header is decoded from where the kernel puts it', () => {
  const { bytes, view } = blank();
  view.setBigUint64(at.time_ns, 1n << 60n, true);
  view.setBigUint64(at.first_ns, 5n, true);
  view.setBigUint64(at.count, 1n << 40n, true);
  view.setUint8(at.kind, EVENT_KIND.summary);
  view.setBigUint64(at.cgroup, 4242n, true);
  view.setBigUint64(at.start_time, 77n, true);
  (['container', 'generation', 'node', 'source', 'tgid', 'tid', 'ppid', 'ns_tgid', 'ns_ppid', 'uid', 'pid_ns', 'mnt_ns'] as const).forEach(
    (name, i) => view.setUint32(at[name], 0xf000_0000 + i, true),
  );
  view.setUint8(at.class, CLASS.file);
  view.setUint8(at.op, PATH_OPERATION.write);
  view.setUint8(at.verdict, VERDICT.block);
  view.setUint8(at.site, SITE.deep);
  view.setUint8(at.who, WHO.other);
  view.setUint8(at.hook, HOOKS.indexOf('PATH_UNLINK'));
  view.setUint8(at.truncated, 1);
  [1, 2, 3].forEach((value, i) => view.setUint32(at.detail + i * 4, value, true));
  (['resource_len', 'exe_len', 'parent_len'] as const).forEach((name, i) => view.setUint16(at[name], 4000 + i, true));
  bytes.set(new TextEncoder().encode('busybox'), at.comm);
  expect(decodeEvent(bytes)).toEqual({
    kind: 'summary',
    count: 2 ** 40,
    timeNs: 1n << 60n,
    firstNs: 5n,
    cgroup: 4242n,
    startTime: 77n,
    container: 0xf000_0000,
    generation: 0xf000_0001,
    node: 0xf000_0002,
    source: 0xf000_0003,
    tgid: 0xf000_0004,
    tid: 0xf000_0005,
    ppid: 0xf000_0006,
    nsTgid: 0xf000_0007,
    nsPpid: 0xf000_0008,
    uid: 0xf000_0009,
    pidNs: 0xf000_000a,
    mntNs: 0xf000_000b,
    section: 'file',
    operation: 'write',
    verdict: 'block',
    site: 'deep',
    owner: false,
    hook: 'PATH_UNLINK',
    truncated: true,
    detail: [1, 2, 3],
    resourceLength: 4000,
    executableLength: 4001,
    parentLength: 4002,
    comm: 'busybox',
  });
});

test('a header inside a larger buffer is read from its own place', () => {
  const whole = new Uint8Array(8 + at.size + 8).fill(0xff);
  whole.set(blank().bytes, 8);
  expect(decodeEvent(whole.subarray(8)).timeNs).toBe(0n);
});

test('classes without a path have no operation; only what could not be judged, or be in any list, has a reason', () => {
  const { bytes, view } = blank();
  view.setUint8(at.class, CLASS.network);
  expect(decodeEvent(bytes)).not.toHaveProperty('operation');
  expect(decodeEvent(bytes)).not.toHaveProperty('reason');
  view.setUint8(at.site, SITE.unjudged);
  view.setUint8(at.reason, COUNTERS.indexOf('tooDeep'));
  expect(decodeEvent(bytes)).toMatchObject({ section: 'network', site: 'unjudged', reason: 'tooDeep' });
  view.setUint8(at.site, SITE.arguments);
  expect(decodeEvent(bytes)).toMatchObject({ site: 'arguments', reason: 'tooDeep' });
  view.setUint8(at.reason, 0);
  expect(decodeEvent(bytes)).not.toHaveProperty('reason');
});

test('a thread’s name is cut at its terminator and cannot smuggle control characters', () => {
  const { bytes } = blank();
  bytes.set([0x61, 0x1b, 0xc3, 0x7f, 0, 0x62], at.comm);
  expect(decodeEvent(bytes).comm).toBe('a???');
  bytes.fill(0x78, at.comm, at.comm + 16);
  expect(decodeEvent(bytes).comm).toBe('x'.repeat(16));
});

test.each(['class', 'verdict', 'site', 'hook', 'kind'] as const)(
  'a number without a name in %s is an error of ours and throws',
  (field) => {
    const { bytes, view } = blank();
    view.setUint8(at[field], 200);
    expect(() => decodeEvent(bytes)).toThrow(RangeError);
  },
);

test('a short header throws', () => {
  expect(() => decodeEvent(new Uint8Array(at.size - 1))).toThrow('an event has 184 bytes, this one 183');
});

test('a count that no number can hold throws', () => {
  const { bytes, view } = blank();
  view.setBigUint64(at.count, 1n << 63n, true);
  expect(() => decodeEvent(bytes)).toThrow(RangeError);
});

test('whatever the bytes, they are an event or a RangeError', () => {
  const likely = fc.tuple(fc.uint8Array({ minLength: at.size, maxLength: at.size + 8 }), fc.boolean()).map(([bytes, small]) => {
    // most random bytes have no name: half of the tries keep to numbers that have one
    if (small) for (const field of ['class', 'op', 'verdict', 'site', 'kind', 'hook', 'reason'] as const) bytes[at[field]]! %= 2;
    if (small) bytes.fill(0, at.count + 4, at.count + 8);
    return bytes;
  });
  let decoded = 0;
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 2 * at.size }), likely), (bytes) => {
      try {
        const event = decodeEvent(bytes);
        decoded += 1;
        expect(Number.isSafeInteger(event.count)).toBe(true);
        expect(event.comm).toMatch(/^[ -~]{0,16}$/);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 500 },
  );
  expect(decoded).toBeGreaterThan(50);
});

test('an event begins with the key that it is counted by', () => {
  const { size, reserved, ...key } = LAYOUT.tally_key;
  expect(at).toMatchObject({ ...key, key_reserved: reserved, count: size });
});
