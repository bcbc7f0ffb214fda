/** Resource limits of a policy, an extension of KubeArmor's API: what they say, and what several of them come to. */
import { at, checkFields, isAbsent, readList, readObject, refuse, refuseMissing, show } from './reading.ts';
import type { Cursor } from './reading.ts';

/** Limits of one container; what is absent is not limited. */
export interface Resources {
  /** Bytes. */
  readonly memory?: number;
  readonly pids?: number;
  /** Processors: 0.5 is half of one. */
  readonly cpu?: number;
  /** By device. */
  readonly io: ReadonlyMap<string, IoLimits>;
}

export type IoLimits = Partial<Readonly<Record<IoField, number>>>;

/** Fields of a limit on a device, with their names in cgroup v2. */
export const IO_FIELDS = {
  readBytesPerSecond: 'rbps',
  writeBytesPerSecond: 'wbps',
  readOperationsPerSecond: 'riops',
  writeOperationsPerSecond: 'wiops',
} as const;
export type IoField = keyof typeof IO_FIELDS;

const FIELDS = Object.keys(IO_FIELDS) as IoField[];
const SUFFIXES: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
/** What a container needs to run anything at all. */
const LEAST_MEMORY = 2 ** 20;
/** The kernel gives a millisecond in a tenth of a second at least. */
const LEAST_CPU = 0.01;
const MOST = Number.MAX_SAFE_INTEGER;

/** Reads `spec.resources`; undefined where there is none, or nothing right in it. */
export function readResources(cursor: Cursor): Resources | undefined {
  if (isAbsent(cursor)) return undefined;
  const resources = readObject(cursor);
  if (resources === undefined) return undefined;
  checkFields(resources, {
    known: ['memory', 'pids', 'cpu', 'io'],
    hints: { limits: 'write memory, pids, cpu and io here: they are limits', requests: 'only limits can be enforced' },
  });
  const memory = readQuantity(at(resources, 'memory'), { least: LEAST_MEMORY, whole: true, example: '256Mi' });
  const pids = readQuantity(at(resources, 'pids'), { least: 1, whole: true, example: '100' });
  const cpu = readQuantity(at(resources, 'cpu'), { least: LEAST_CPU, whole: false, example: '500m' });
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(pids === undefined ? {} : { pids }),
    ...(cpu === undefined ? {} : { cpu }),
    io: readIo(at(resources, 'io')),
  };
}

function readIo(cursor: Cursor): ReadonlyMap<string, IoLimits> {
  const io = new Map<string, IoLimits>();
  for (const element of readList(cursor)) {
    const limit = readObject(element);
    if (limit === undefined) continue;
    checkFields(limit, { known: ['device', ...FIELDS] });
    const limits = FIELDS.flatMap((field) => {
      const value = readQuantity(at(limit, field), { least: 1, whole: true, example: '10Mi' });
      return value === undefined ? [] : [[field, value] as const];
    });
    const device = readDevice(at(limit, 'device'));
    if (limits.length === 0 && FIELDS.every((field) => isAbsent(at(limit, field)))) {
      refuseMissing(at(limit, 'readBytesPerSecond'), { hint: `limit at least one of ${FIELDS.join(', ')}` });
    }
    if (device !== undefined) io.set(device, tightestIo(io.get(device), Object.fromEntries(limits)));
  }
  return io;
}

function readDevice(cursor: Cursor): string | undefined {
  const hint = 'write its numbers, 8:0, or its path, /dev/sda';
  if (isAbsent(cursor)) refuseMissing(cursor, { hint });
  else if (
    typeof cursor.value === 'string' &&
    /^(\d{1,4}:\d{1,7}|\/dev\/[\w./-]{1,200})$/.test(cursor.value) &&
    !cursor.value.includes('..')
  ) {
    return cursor.value;
  } else refuse(cursor, { code: 'invalid-value', message: `${show(cursor.value)} is not a device`, hint });
  return undefined;
}

interface Wanted {
  readonly least: number;
  readonly whole: boolean;
  readonly example: string;
}

function readQuantity(cursor: Cursor, { least, whole, example }: Wanted): number | undefined {
  if (isAbsent(cursor)) return undefined;
  const value = quantity(cursor.value);
  if (value === undefined) {
    const message = `${show(cursor.value)} is not a quantity`;
    refuse(cursor, { code: 'invalid-value', message, hint: `write one such as ${example}` });
  } else if (value < least || value > MOST || (whole && !Number.isInteger(value))) {
    const wanted = `${whole ? 'whole, and ' : ''}${least} or more`;
    refuse(cursor, { code: 'invalid-value', message: `${show(cursor.value)} must be ${wanted}`, hint: `write one such as ${example}` });
  } else return value;
  return undefined;
}

/** A Kubernetes quantity as a number; undefined where it is none. */
export function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const found = typeof value === 'string' ? /^(\d{1,16}(?:\.\d{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(value) : null;
  const factor = SUFFIXES[found?.[2] ?? ''];
  if (found === null || factor === undefined) return undefined;
  const product = Number(found[1]) * factor;
  // Thousandths are exact in tenth powers of ten only up to rounding.
  return Math.abs(product - Math.round(product)) < 1e-9 ? Math.round(product) : product;
}

/** The tightest of each limit. */
export function tightest(all: readonly Resources[]): Resources {
  const least = (values: readonly (number | undefined)[]): number | undefined => {
    const said = values.filter((value) => value !== undefined);
    return said.length === 0 ? undefined : Math.min(...said);
  };
  const memory = least(all.map((one) => one.memory));
  const pids = least(all.map((one) => one.pids));
  const cpu = least(all.map((one) => one.cpu));
  const io = new Map<string, IoLimits>();
  for (const { io: devices } of all) for (const [device, limits] of devices) io.set(device, tightestIo(io.get(device), limits));
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(pids === undefined ? {} : { pids }),
    ...(cpu === undefined ? {} : { cpu }),
    io,
  };
}

/** For each field the lower one. */
export function tightestIo(a: IoLimits | undefined, b: IoLimits): IoLimits {
  if (a === undefined) return b;
  const merged = FIELDS.flatMap((field) => {
    const values = [a[field], b[field]].filter((value) => value !== undefined);
    return values.length === 0 ? [] : [[field, Math.min(...values)] as const];
  });
  return Object.fromEntries(merged);
}
