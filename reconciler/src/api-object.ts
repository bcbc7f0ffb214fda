/** Objects of the Kubernetes API as JSON, and how they are called. */

export type ApiObject = Readonly<Record<string, unknown>>;

export interface ApiObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** An object as the API server gives it; nothing but its name is known of it. */
export interface StoredObject extends ApiObject {
  readonly metadata: StoredMetadata;
}

export interface StoredMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  /** Who has written which fields, and when, by the server's clock. */
  readonly managedFields?: readonly { readonly time?: string }[];
}

/** As the API writes times to the microsecond, though nobody here knows more than milliseconds. */
export function microTime(time: Date): string {
  return time.toISOString().replace(/Z$/, '000Z');
}
