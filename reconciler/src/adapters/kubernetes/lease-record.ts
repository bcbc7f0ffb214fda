/** What a Lease says, and when its holder must be taken for gone: by how long it has not changed here, never by anybody else's clock. */
import { microTime } from '../../api-object.ts';
import type { ApiObject, StoredObject } from '../../api-object.ts';

/** Who leads. */
export interface LeaseRecord {
  /** Empty where it was given back. */
  readonly holder: string;
  /** How long the others wait for it to be renewed, in whole seconds. */
  readonly seconds: number;
  /** How often it went from one holder to another. */
  readonly transitions: number;
  /** When the holder took it, as the API writes times. */
  readonly acquireTime: string;
  /** When the holder last said that it is there, by its own clock: a change counts, the time does not. */
  readonly renewTime: string;
}

/** A Lease as it is stored; nothing is believed of it but that it is a Lease. `seconds` counts where it tells none. */
export function readLease({ spec }: StoredObject, seconds: number): LeaseRecord {
  const fields = typeof spec === 'object' && spec !== null ? (spec as ApiObject) : {};
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = fields;
  return {
    holder: textOf(holderIdentity),
    seconds: isWhole(leaseDurationSeconds) && leaseDurationSeconds > 0 ? leaseDurationSeconds : seconds,
    transitions: isWhole(leaseTransitions) ? leaseTransitions : 0,
    acquireTime: textOf(fields['acquireTime']),
    renewTime: textOf(fields['renewTime']),
  };
}

/** The record with which `holder` takes or keeps the lease at `now`. */
export function heldBy(
  holder: string,
  before: LeaseRecord | undefined,
  { seconds, now }: { readonly seconds: number; readonly now: Date },
): LeaseRecord {
  const renewTime = microTime(now);
  if (before?.holder === holder && before.acquireTime !== '') return { ...before, seconds, renewTime };
  return { holder, seconds, transitions: before === undefined ? 0 : before.transitions + 1, acquireTime: renewTime, renewTime };
}

/** As a Lease has it. */
export function leaseSpec({ holder, seconds, transitions, acquireTime, renewTime }: LeaseRecord): ApiObject {
  return { holderIdentity: holder, leaseDurationSeconds: seconds, leaseTransitions: transitions, acquireTime, renewTime };
}

/** The Lease as it was last seen, and since when it has been so. Times are milliseconds of one clock that never goes back. */
export class SeenLease {
  #record: LeaseRecord | undefined;
  #since = 0;

  get record(): LeaseRecord | undefined {
    return this.#record;
  }

  note(record: LeaseRecord | undefined, now: number): void {
    if (JSON.stringify(record) !== JSON.stringify(this.#record)) this.#since = now;
    this.#record = record;
  }

  /** Whether somebody else holds it who may still be there. */
  isHeldByAnother(identity: string, now: number): boolean {
    if (this.#record === undefined || this.#record.holder === '' || this.#record.holder === identity) return false;
    return now < this.#since + this.#record.seconds * 1000;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
