import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeEvent, LAYOUT } from '@parapet/policy';
import { eventsOf, Records } from '../../../agent/src/adapters/kernel/records.ts';
import type { KernelEvent } from '../../../agent/src/ports.ts';

interface Fields {
  readonly timeNs?: bigint;
  readonly firstNs?: bigint;
  readonly count?: bigint;
  readonly container?: number;
  readonly paths?: readonly [string | Buffer, string | Buffer, string | Buffer];
}

function recordOf({ timeNs = 0n, firstNs = 0n, count = 1n, container = 3, paths = ['', '', ''] }: Fields): Buffer {
  const header = Buffer.alloc(LAYOUT.event.size);
  header.writeBigUInt64LE(timeNs, LAYOUT.event.time_ns);
  header.writeBigUInt64LE(firstNs, LAYOUT.event.first_ns);
  header.writeBigUInt64LE(count, LAYOUT.event.count);
  header.writeUInt32LE(container, LAYOUT.event.container);
  header.writeUInt32LE(9, LAYOUT.event.generation);
  header.writeUInt8(3, LAYOUT.event.verdict);
  const texts = paths.map((path) => Buffer.from(path));
  texts.forEach((path, i) => header.writeUInt16LE(path.length, LAYOUT.event.resource_len + i * 2));
  return Buffer.concat([header, ...texts]);
}

/** As the agent's thread gets them: through a batch that was cloned. */
function through(records: Records, added: readonly Buffer[], bootEpoch = 0): KernelEvent[] {
  for (const record of added) records.add(record, 0, record.length);
  const batch = records.take(bootEpoch);
  return eventsOf(structuredClone(batch, { transfer: [batch.headers, batch.which] }));
}

test('a batch of records is as many events, each with its paths and its times since the epoch', () => {
  const events = through(
    new Records(),
    [
      recordOf({ timeNs: 1_500_000n, firstNs: 500_000n, count: 70n, paths: ['/etc/ünï', '/bin/sh', '/sbin/init'] }),
      recordOf({ timeNs: 1n << 62n, firstNs: 2_000_000n, count: 1n << 40n, container: 4, paths: ['', '/bin/sh', ''] }),
    ],
    1000,
  );
  expect(events).toMatchObject([
    {
      time: 1001.5,
      firstTime: 1000.5,
      count: 70,
      container: 3,
      generation: 9,
      resource: '/etc/ünï',
      executable: '/bin/sh',
      parentExecutable: '/sbin/init',
    },
    { count: 2 ** 40, firstTime: 1002, container: 4, resource: '', executable: '/bin/sh', parentExecutable: '' },
  ]);
  expect(events[1]!.time).toBeCloseTo(1000 + 2 ** 62 / 1e6, -2);
  expect(decodeEvent(events[0]!.header)).toMatchObject({ verdict: 'block', count: 70 });
});

test('a text is handed over once in each batch, however many records have it', () => {
  const records = new Records();
  const same = recordOf({ paths: ['/a', '/bin/sh', '/bin/sh'] });
  for (let batch = 0; batch < 2; batch += 1) {
    for (let i = 0; i < 1000; i += 1) records.add(same, 0, same.length);
    const { count, texts } = records.take(0);
    expect({ count, texts }).toEqual({ count: 1000, texts: ['/a', '/bin/sh'] });
  }
});

test('what was handed over stays as it is when the buffer is used again', () => {
  const record = recordOf({ container: 77, paths: ['/first', '', ''] });
  const records = new Records();
  records.add(record, 0, record.length);
  const batch = records.take(0);
  record.fill(0);
  const [event] = eventsOf(batch);
  expect(event).toMatchObject({ container: 77, resource: '/first' });
  expect(through(records, [recordOf({ paths: ['/other', '', ''] })])[0]).toMatchObject({ resource: '/other' });
});

test('bytes that are no UTF-8 are shown as such and shift nothing', () => {
  const [event] = through(new Records(), [recordOf({ paths: [Buffer.from([0x2f, 0xff]), '/x', '/y'] })]);
  expect(event).toMatchObject({ resource: '/\uFFFD', executable: '/x', parentExecutable: '/y' });
});

test('nothing is an empty batch', () => {
  expect(through(new Records(), [])).toEqual([]);
});

test('different texts stay apart, also when there are more than are remembered', () => {
  const records = new Records();
  const names = Array.from({ length: 20_000 }, (_, i) => `/dir/${i.toString(36)}`);
  const events = through(
    records,
    names.map((name) => recordOf({ paths: [name, name, ''] })),
  );
  expect(events.map(({ resource }) => resource)).toEqual(names);
});

test('no bytes of a record reach beyond it, and none make the thread fail', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }), (pieces) => {
      const all = Buffer.concat(pieces);
      const records = new Records();
      let at = 0;
      for (const { length } of pieces) {
        records.add(all, at, at + length);
        at += length;
      }
      const events = eventsOf(records.take(0));
      expect(events).toHaveLength(pieces.length);
      events.forEach(({ header, resource, executable, parentExecutable }, i) => {
        const own = pieces[i]!;
        expect(header.subarray(0, own.length)).toEqual(own.subarray(0, header.length));
        const text = Buffer.from(own.subarray(LAYOUT.event.size)).toString('utf8').length;
        expect(resource.length + executable.length + parentExecutable.length).toBeLessThanOrEqual(Math.max(text, own.length));
      });
    }),
  );
});
