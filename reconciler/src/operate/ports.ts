/** What people who operate sources need of a cluster; with the rights of whoever asks. */
import type { PolicyKind } from '@parapet/policy';
import type { ApiObject } from '../api-object.ts';
import type { Delivery } from '../delivery.ts';
import type { SourceView } from './source-view.ts';

export interface SourceName {
  readonly namespace: string;
  readonly name: string;
}

export interface PolicyObject {
  readonly kind: PolicyKind;
  readonly object: ApiObject;
}

/** Rejects with a StageError (`target`) that tells people what is missing: the server, a right, the definitions of our kinds. */
export interface OperatedCluster {
  /** The one that was asked for, else that of the context, else the one that installations use. */
  readonly namespace: string;
  /** PolicySources of a namespace; of all where it is `undefined`. */
  sources(namespace: string | undefined): Promise<readonly ApiObject[]>;
  /** `undefined` where there is none. */
  source(name: SourceName): Promise<ApiObject | undefined>;
  /** Changes a PolicySource by a JSON merge patch and gives it as it is then; `undefined` where there is none any more. */
  change(name: SourceName, patch: ApiObject): Promise<ApiObject | undefined>;
  /** Policies whose labels name this source. */
  policies(source: SourceName): Promise<readonly PolicyObject[]>;
  /** The policies of the cluster, to compare with what this source would have. Nothing is written. */
  compare(source: SourceView, options: CompareOptions): Comparison;
  close(): Promise<void>;
}

export interface CompareOptions {
  /** Whether fields of others would be taken over. */
  readonly force: boolean;
  /** Whether the server is asked what it would make of each policy. */
  readonly tries: boolean;
}

export interface Comparison extends Pick<Delivery, 'survey' | 'tryOut'> {
  /** The object of this `refKey` as it is; known once there was a survey. */
  live(key: string): unknown;
  /** The object of this `refKey` as the server would store it; `undefined` where it was not tried out. */
  tried(key: string): unknown;
  /** Rights that are missing for trying out: `patch kubearmorpolicies.security.kubearmor.com in the namespace shop`. */
  readonly untried: ReadonlySet<string>;
}
