/** Objects of the Kubernetes API as JSON, and how they are called. */

export type ApiObject = Readonly<Record<string, unknown>>;

export interface ApiObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}
