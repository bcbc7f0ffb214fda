/** Reads what containerd keeps as JSON with a container. Anything can be in it. */
import type { ContainerRecord } from './api.ts';

/** The OCI specification; undefined where there is none that can be read. */
export function specOf({ spec }: ContainerRecord): unknown {
  return parse(spec?.value);
}

/** What JSON says; undefined where it is none. */
export function parse(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** An object's own field; undefined where there is no such object or field. */
export function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
