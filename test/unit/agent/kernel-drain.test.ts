import { expect, test } from '@jest/globals';
import { decodeEvent, LAYOUT } from '@parapet/policy';
import { parseRecords } from '../../../agent/src/adapters/kernel/drain.ts';

function record(at: { timeNs: bigint; container: number; generation: number; paths: readonly [Buffer, Buffer, Buffer] }): Buffer {
  const header = Buffer.alloc(LAYOUT.event.size);
  header.writeBigUInt64LE(at.timeNs, LAYOUT.event.time_ns);
  header.writeUInt32LE(at.container, LAYOUT.event.container);
  header.writeUInt32LE(at.generation, LAYOUT.event.generation);
  header.writeUInt8(3, LAYOUT.event.verdict);
  at.paths.forEach((path, i) => header.writeUInt16LE(path.length, LAYOUT.event.resource_len + i * 2));
  const length = Buffer.alloc(4);
  const body = Buffer.concat([header, ...at.paths]);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

test('a batch of records is as many events, each with its paths and its time since the epoch', () => {
  const batch = Buffer.concat([
    record({
      timeNs: 1_500_000n,
      container: 3,
      generation: 9,
      paths: [Buffer.from('/etc/ünï'), Buffer.from('/bin/sh'), Buffer.from('/sbin/init')],
    }),
    record({ timeNs: 2_000_000n, container: 4, generation: 1, paths: [Buffer.alloc(0), Buffer.from('/a'), Buffer.alloc(0)] }),
  ]);
  const [first, second, ...more] = parseRecords(batch, 1000);
  expect(more).toEqual([]);
  expect(first).toMatchObject({
    time: 1001.5,
    container: 3,
    generation: 9,
    resource: '/etc/ünï',
    executable: '/bin/sh',
    parentExecutable: '/sbin/init',
  });
  expect(second).toMatchObject({ time: 1002, container: 4, generation: 1, resource: '', executable: '/a', parentExecutable: '' });
  expect(decodeEvent(first!.header).verdict).toBe('block');
});

test('a header stays as it is when the buffer is used again', () => {
  const batch = record({ timeNs: 1n, container: 3, generation: 9, paths: [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)] });
  const [event] = parseRecords(batch, 0);
  batch.fill(0);
  expect(decodeEvent(event!.header).container).toBe(3);
});

test('bytes that are no UTF-8 are shown as such and shift nothing', () => {
  const [event] = parseRecords(
    record({ timeNs: 0n, container: 1, generation: 1, paths: [Buffer.from([0x2f, 0xff]), Buffer.from('/x'), Buffer.from('/y')] }),
    0,
  );
  expect(event).toMatchObject({ resource: '/\uFFFD', executable: '/x', parentExecutable: '/y' });
});

test('an empty batch is no event', () => {
  expect(parseRecords(Buffer.alloc(0), 0)).toEqual([]);
});
