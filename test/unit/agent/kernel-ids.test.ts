import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NodeIds, Slots } from '../../../agent/src/adapters/kernel/ids.ts';

const LAST = 0xffff_ffff;

describe('node ids', () => {
  test('begin after the highest id that is in use already', () => {
    expect(new NodeIds(7).take(3)).toEqual({ base: 7, count: 3 });
  });

  test('are not given again as long as others are free', () => {
    const ids = new NodeIds(0);
    ids.free(ids.take(10));
    expect(ids.take(10)).toEqual({ base: 10, count: 10 });
  });

  test('go round at the end of 32 bits, past what is in use', () => {
    const ids = new NodeIds(0);
    const low = ids.take(5);
    ids.free(ids.take(LAST - 10));
    expect(ids.take(20)).toEqual({ base: low.base + low.count, count: 20 });
  });

  test('are refused when no row is long enough', () => {
    const ids = new NodeIds(0);
    ids.take(LAST - 10);
    expect(() => ids.take(20)).toThrow(RangeError);
  });

  test('no two ranges that are in use ever meet', () => {
    fc.assert(
      fc.property(
        fc.nat(LAST),
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 2 ** 30 }), freeFirst: fc.boolean() })),
        (highest, steps) => {
          const ids = new NodeIds(highest);
          const taken: { base: number; count: number }[] = [];
          for (const { count, freeFirst } of steps) {
            const first = freeFirst ? taken.shift() : undefined;
            if (first !== undefined) ids.free(first);
            try {
              const range = ids.take(count);
              expect(range.base + range.count).toBeLessThanOrEqual(LAST);
              for (const other of taken) expect(range.base >= other.base + other.count || other.base >= range.base + count).toBe(true);
              expect([ids.has(range.base + 1), ids.has(range.base + range.count)]).toEqual([true, true]);
              taken.push(range);
            } catch (error) {
              if (!(error instanceof RangeError)) throw error;
            }
          }
        },
      ),
    );
  });
});

describe('slots', () => {
  test('the lowest free one comes first, from 1 on, and none is left at the end', () => {
    const slots = new Slots(4, [2]);
    expect([slots.take(), slots.take(), slots.take()]).toEqual([1, 3, undefined]);
    slots.free(2);
    expect(slots.take()).toBe(2);
  });
});
