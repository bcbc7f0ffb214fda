/** An event as `events.k8s.io/v1` has it: what happened to one object, in plain words. */
import { createHash } from 'node:crypto';
import { microTime } from '../../api-object.ts';
import type { ApiObject, ApiObjectName } from '../../api-object.ts';
import { plain } from '../../describe.ts';

export interface ReportedEvent {
  /** The object that it is about; `namespace` is empty for cluster-scoped kinds. */
  readonly regarding: ApiObjectName & { readonly uid: string };
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word: `Applied`. */
  readonly reason: string;
  /** What was done, in one word: `Reconcile`. */
  readonly action: string;
  /** For people; may be anybody's words. */
  readonly note: string;
}

/** How often an event happened, and when. */
export interface Occurrences {
  readonly count: number;
  readonly first: Date;
  readonly last: Date;
}

const CONTROLLER = 'parapet.dev/reconciler';
/** In bytes of UTF-8, as the API has it. */
const MOST_NOTE = 1024;

/** With the note as it is told: one line that a terminal prints as it stands, no longer than the API takes it. */
export function plainEvent(event: ReportedEvent): ReportedEvent {
  return { ...event, note: clipBytes(plain(event.note), MOST_NOTE) };
}

/** The same for events that are equal but for their time. */
export function sameness({ regarding, type, reason, action, note }: ReportedEvent): string {
  const said = JSON.stringify([objectKey(regarding), type, reason, action, note]);
  return createHash('sha256').update(said).digest('base64');
}

export function objectKey({ apiVersion, kind, namespace, name, uid }: ReportedEvent['regarding']): string {
  return JSON.stringify([apiVersion, kind, namespace, name, uid]);
}

/** Where the event is kept: beside its object, or where Kubernetes has those of cluster-scoped kinds. */
export function eventName({ regarding }: ReportedEvent, suffix: string): ApiObjectName {
  // A part of a name must begin and end with a letter or digit.
  const name = regarding.name
    .replace(/[^a-z0-9.-]/g, '-')
    .slice(0, 200)
    .replace(/^[.-]+|[.-]+$/g, '');
  const namespace = regarding.namespace === '' ? 'default' : regarding.namespace;
  return { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace, name: `${name === '' ? 'event' : name}.${suffix}` };
}

/** `instance`: which process tells it. */
export function eventObject(event: ReportedEvent, stored: ApiObjectName, told: { readonly instance: string } & Occurrences): ApiObject {
  const { apiVersion, kind, namespace, name } = stored;
  const { regarding, type, reason, action, note } = event;
  return {
    apiVersion,
    kind,
    metadata: { namespace, name },
    eventTime: microTime(told.first),
    reportingController: CONTROLLER,
    reportingInstance: told.instance.slice(0, 128),
    type,
    reason,
    action,
    regarding: { ...regarding, namespace: regarding.namespace === '' ? undefined : regarding.namespace },
    note,
    ...(told.count > 1 ? { series: seriesOf(told) } : {}),
  };
}

/** That it happened more than once. */
export function seriesOf({ count, last }: Occurrences): ApiObject {
  return { count, lastObservedTime: microTime(last) };
}

/** At most so many bytes, never half a character; `…` where something was cut. */
function clipBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  const bytes = Buffer.from(text).subarray(0, most - Buffer.byteLength('…'));
  return `${new TextDecoder().decode(bytes, { stream: true })}…`;
}
