/** Types of installed.mjs. */
export interface Installed {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly optional?: boolean; readonly link?: boolean }>>;
}
export function difference(wanted: Installed, installed: Installed): string | undefined;
