/** Names of objects, as Kubernetes takes them. */

/** The name of most objects: labels with dots between them. */
export function isSubdomain(name: string): boolean {
  return name.length <= 253 && name.split('.').every((part) => isLabel(part, 253));
}

/** The name of a namespace. */
export function isLabel(name: string, longest = 63): boolean {
  return name.length <= longest && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}
