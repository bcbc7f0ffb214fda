/** Limits of containers as policies write them. */

/** What a policy for containers says beside its rules. */
export interface WithResources {
  /**
   * Limits of each container that the policy is for. Parapet's extension of KubeArmor's API.
   * @default - none
   */
  readonly resources?: ResourceLimits;
}

/** Limits of each container, an extension of KubeArmor's API. Quantities are Kubernetes': `256Mi`, `500m`, or numbers. */
export interface ResourceLimits {
  /**
   * Bytes of memory.
   * @default - not limited
   */
  readonly memory?: string | number;
  /**
   * Processes and threads.
   * @default - not limited
   */
  readonly pids?: string | number;
  /**
   * Processors: `500m` is half of one.
   * @default - not limited
   */
  readonly cpu?: string | number;
  /**
   * Reading and writing, by device.
   * @default - not limited
   */
  readonly io?: readonly IoLimit[];
}

export interface IoLimit {
  /** Its numbers, `8:0`, or its path on the node, `/dev/sda`. */
  readonly device: string;
  /** @default - not limited */
  readonly readBytesPerSecond?: string | number;
  /** @default - not limited */
  readonly writeBytesPerSecond?: string | number;
  /** @default - not limited */
  readonly readOperationsPerSecond?: string | number;
  /** @default - not limited */
  readonly writeOperationsPerSecond?: string | number;
}
