/** What an installation is made of. */

/** A plain Kubernetes object. */
export interface InstallObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string } & Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** An object, and what is said about it to whoever reads the YAML. */
export interface InstallPart {
  readonly object: InstallObject;
  /** Why it is there. */
  readonly about: string;
  /** For a role: why each of its rules is there. */
  readonly rules?: readonly string[];
}

export interface InstallOptions {
  /** Where the reconciler runs. */
  readonly namespace: string;
  readonly image: string;
  /** Where PolicySources are: Secrets are read nowhere else. */
  readonly sourceNamespaces: readonly string[];
  /** Whether sources may name an account of their namespace (`serviceAccountName`) that policies are written as. */
  readonly impersonation: boolean;
  /** Whether sources may be delivered as Flux ExternalArtifacts. */
  readonly flux: boolean;
  /** Name of the PersistentVolumeClaim that holds the package store. Default: there is no store. */
  readonly packagesClaim?: string | undefined;
}

/** The reconciler's name: of its Deployment, its ServiceAccount, its roles. */
export const NAME = 'parapet-reconciler';
export const DEFAULT_NAMESPACE = 'parapet-system';

/** Ports of the container. */
export const PORTS = { operations: 8080, webhooks: 9292, artifacts: 9790 } as const;

/** Labels by which the reconciler's pods are found. */
export const POD_LABELS = { 'app.kubernetes.io/name': 'parapet', 'app.kubernetes.io/component': 'reconciler' } as const;
export const LABELS = { ...POD_LABELS, 'app.kubernetes.io/part-of': 'parapet' } as const;
