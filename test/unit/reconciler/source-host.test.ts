import { describe, expect, test } from '@jest/globals';
import { complaintsOf, read } from './source-objects.ts';

describe('the host of statuses', () => {
  const secretRef = { name: 'host' };
  test.each([
    { url: 'https://github.com/shop/policies.git', provider: 'GitHub', apiUrl: 'https://api.github.com', repository: 'shop/policies' },
    { url: 'git@github.com:shop/policies', provider: 'GitHub', apiUrl: 'https://api.github.com', repository: 'shop/policies' },
    {
      url: 'https://git.test:8443/shop/policies/',
      provider: 'GitHub',
      apiUrl: 'https://git.test:8443/api/v3',
      repository: 'shop/policies',
    },
    { url: 'https://gitlab.com/a/b/c.git', provider: 'GitLab', apiUrl: 'https://gitlab.com/api/v4', repository: 'a/b/c' },
    { url: 'ssh://git@git.test:2222/a/b.git', provider: 'GitLab', apiUrl: 'https://git.test/api/v4', repository: 'a/b' },
    { url: 'https://codeberg.org/a/b', provider: 'Gitea', apiUrl: 'https://codeberg.org/api/v1', repository: 'a/b' },
    { url: 'https://bitbucket.org/a/b.git', provider: 'Bitbucket', apiUrl: 'https://api.bitbucket.org/2.0', repository: 'a/b' },
  ])('of $url with $provider is $apiUrl', ({ url, ...host }) => {
    expect(read({ url, statuses: { provider: host.provider, secretRef } }).statuses).toEqual({ ...host, secret: secretRef });
  });

  test('is not guessed where the URL does not tell, so that a token goes nowhere else', () => {
    expect(complaintsOf({ url: 'https://git.test/a/b', statuses: { provider: 'Bitbucket', secretRef } })).toEqual([
      "spec.statuses.apiUrl missing-field: is required (the host of Bitbucket can't be told from url)",
    ]);
    expect(complaintsOf({ url: '/srv/policies', statuses: { provider: 'GitHub', secretRef } })).toEqual([
      "spec.statuses.apiUrl missing-field: is required (the host of GitHub can't be told from url)",
      "spec.statuses.repository missing-field: is required (owner/name; it can't be told from url)",
    ]);
  });

  test('gets its token encrypted, or not over a network', () => {
    const withApi = (apiUrl: string): Record<string, unknown> => ({
      statuses: { provider: 'GitHub', repository: 'a/b', apiUrl, secretRef },
    });
    expect(read(withApi('http://127.0.0.1:3000')).statuses).toMatchObject({ apiUrl: 'http://127.0.0.1:3000' });
    expect(complaintsOf(withApi('http://git.test'))).toEqual(['spec.statuses.apiUrl invalid-value: must be https: a token is sent there']);
    expect(complaintsOf(withApi('https://t@git.test'))).toEqual(['spec.statuses.apiUrl invalid-value: must not have credentials in it']);
  });

  test.each(['a', 'a/b/c', '../b', 'a/..', 'a b/c', 'a/b?x'])('%s is no repository of GitHub', (repository) => {
    expect(complaintsOf({ statuses: { provider: 'GitHub', repository, secretRef } })).toMatchObject([
      expect.stringContaining("is not a repository's name"),
    ]);
  });

  test('pull requests need it', () => {
    expect(complaintsOf({ pullRequests: {} })).toEqual(['spec.statuses missing-field: is required (pullRequests needs to know the host)']);
    expect(read({ url: 'https://github.com/a/b', statuses: { provider: 'GitHub', secretRef }, pullRequests: {} }).pullRequests).toEqual({
      comment: true,
      limit: 20,
    });
  });
});
