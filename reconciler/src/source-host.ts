/** `statuses` of a PolicySource: which host, and what follows from the repository's URL where it is not said. */
import { reading } from '@parapet/policy';
import { readNeededSecretRef, readWebUrl } from './source-fields.ts';
import type { HostKind, StatusHostSpec } from './source-spec.ts';

const { at, checkFields, isAbsent, readChoice, readObject, readString, refuse, refuseMissing, show } = reading;
type Cursor = reading.Cursor;

const HOST_KINDS = ['GitHub', 'GitLab', 'Gitea', 'Bitbucket'] as const;

/** The hosts that are no one's own, with the bases of their APIs. */
const PUBLIC: Readonly<Partial<Record<HostKind, { readonly host: string; readonly api: string }>>> = {
  GitHub: { host: 'github.com', api: 'https://api.github.com' },
  GitLab: { host: 'gitlab.com', api: 'https://gitlab.com/api/v4' },
  Bitbucket: { host: 'bitbucket.org', api: 'https://api.bitbucket.org/2.0' },
};

/** Where one's own server of this kind has its API. Bitbucket's has another one than its public host. */
const OWN: Readonly<Partial<Record<HostKind, string>>> = { GitHub: '/api/v3', GitLab: '/api/v4', Gitea: '/api/v1' };

/** `url` is the source's, where that is a good one. */
export function readStatusHost(cursor: Cursor, url: string | undefined): StatusHostSpec | undefined {
  const body = readObject(cursor);
  if (body === undefined) return undefined;
  checkFields(body, { known: ['provider', 'apiUrl', 'repository', 'secretRef', 'targetUrl'], hints: { url: 'did you mean apiUrl?' } });
  const provider = readChoice(at(body, 'provider'), HOST_KINDS);
  const secret = readNeededSecretRef(at(body, 'secretRef'), 'a Secret with token');
  const targetUrl = readWebUrl(at(body, 'targetUrl'), 'link');
  const apiUrl = provider === undefined ? readWebUrl(at(body, 'apiUrl'), 'secret') : readApiUrl(at(body, 'apiUrl'), provider, url);
  const repository = readRepository(at(body, 'repository'), { isDeep: provider === 'GitLab', url });
  if (provider === undefined || secret === undefined || apiUrl === undefined || repository === undefined) return undefined;
  return { provider, apiUrl, repository, secret, ...(targetUrl === undefined ? {} : { targetUrl }) };
}

/** Without one it is that of the repository's own host, so that a token never goes to another one. */
function readApiUrl(cursor: Cursor, provider: HostKind, url: string | undefined): string | undefined {
  if (!isAbsent(cursor)) return readWebUrl(cursor, 'secret')?.replace(/\/+$/, '');
  const { protocol, host, hostname } = new URL(url ?? 'file:///');
  const known = PUBLIC[provider];
  if (hostname !== '' && hostname === known?.host) return known.api;
  // An ssh port says nothing about that of the API.
  const own = protocol === 'https:' ? host : protocol === 'ssh:' ? hostname : undefined;
  if (own !== undefined && OWN[provider] !== undefined) return `https://${own}${OWN[provider]}`;
  if (url !== undefined) refuseMissing(cursor, { hint: `the host of ${provider} can't be told from url` });
  return undefined;
}

interface RepositoryForm {
  /** Whether groups of groups may hold it. */
  readonly isDeep: boolean;
  readonly url: string | undefined;
}

function readRepository(cursor: Cursor, { isDeep, url }: RepositoryForm): string | undefined {
  if (!isAbsent(cursor)) {
    const text = readString(cursor);
    if (text === undefined || isRepository(text, isDeep)) return text;
    const hint = isDeep ? 'write group/name' : 'write owner/name';
    refuse(cursor, { code: 'invalid-value', message: `${show(text)} is not a repository's name`, hint });
    return undefined;
  }
  if (url === undefined) return undefined;
  const path = new URL(url).pathname.replace(/^\/+|\/+$|(\.git)?\/*$/g, '');
  if (!url.startsWith('file:') && isRepository(path, isDeep)) return path;
  refuseMissing(cursor, { hint: "owner/name; it can't be told from url" });
  return undefined;
}

function isRepository(text: string, isDeep: boolean): boolean {
  const parts = text.split('/');
  const isCount = isDeep ? parts.length >= 2 && parts.length <= 20 : parts.length === 2;
  return isCount && text.length <= 512 && parts.every((part) => /^[A-Za-z0-9_.-]{1,100}$/.test(part) && !/^\.+$/.test(part));
}
