/** Types of lock.mjs. */
export interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}
export function platformOf(name: string): { cpu: string[]; os: string[]; libc?: string[] } | undefined;
export function completeLock(lock: { packages: Record<string, LockEntry> }): string[];
