import { Construct } from 'constructs';
import { ContainerPolicy } from '@parapet/sdk';
import type { CapabilityName } from '@parapet/sdk';

export interface HardenedWebProps {
  /** Label `app` of the workload. */
  readonly app: string;
  /** Directory of the program's configuration, which ends in `/`. */
  readonly configuration: string;
  /**
   * Capabilities that the program needs.
   * @default - none of those that are blocked otherwise
   */
  readonly capabilities?: readonly CapabilityName[];
  /**
   * Report only, block nothing.
   * @default false
   */
  readonly trial?: boolean;
}

const DANGEROUS: readonly CapabilityName[] = ['net_raw', 'sys_admin', 'sys_ptrace', 'sys_module', 'dac_override'];

/** What our company means by a hardened web server: a library that any team imports. */
export class HardenedWeb extends Construct {
  readonly policy: ContainerPolicy;

  constructor(scope: Construct, id: string, props: HardenedWebProps) {
    super(scope, id);
    const dangerous = DANGEROUS.filter((capability) => !props.capabilities?.includes(capability));
    this.policy = new ContainerPolicy(this, 'hardening', { select: { app: props.app }, severity: 6, tags: ['baseline/web'] });
    if (props.trial === true) {
      this.policy
        .auditExec('/bin/sh', '/bin/bash')
        .auditWrites(props.configuration)
        .auditCapability(...dangerous);
    } else {
      this.policy
        .blockExec('/bin/sh', '/bin/bash')
        .readOnly(props.configuration)
        .blockCapability(...dangerous);
    }
  }
}
