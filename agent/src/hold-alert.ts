/** The alert of a process that was held for the rules of its container, which did not come. */
import { DEFAULT_POSTURE, withoutActor } from './alert.ts';
import type { Alert, Place } from './alert.ts';
import type { HeldProcess } from './ports.ts';

/** What became of it: `ended`, or else its program runs without rules. */
export interface GivenUp {
  readonly process: HeldProcess;
  readonly ended: boolean;
}

/** A sentence about it, for the log and the alert. */
export function givenUpText({ process: { pid, cgroup, waited }, ended }: GivenUp): string {
  const end = ended ? 'it is ended' : 'the program runs without rules';
  return `process ${pid} waited ${waited} ms to run a program in cgroup ${cgroup}, of which the runtime does not tell: ${end}`;
}

/** Builds the alert; the runtime knows no container there, and which program it would have been only the kernel. */
export function toHoldAlert(given: GivenUp, place: Place & { readonly now: number }): Alert {
  const { process, ended } = given;
  return {
    ...withoutActor(place, { container: place.containerIn?.(process.cgroup), count: 1 }),
    hostPid: process.pid,
    policyName: DEFAULT_POSTURE,
    severity: '',
    message: givenUpText(given),
    operation: 'Process',
    resource: '',
    data: `cgroup=${process.cgroup}`,
    action: ended ? 'Block' : 'Audit',
    result: ended ? 'Permission denied' : 'Passed',
    policyNamespace: '',
    policyKind: '',
    rule: DEFAULT_POSTURE,
    repository: '',
    commit: '',
    sourceLine: '',
  };
}
