/**
 * Makes `openapi-extract.json` from Bitbucket Cloud's OpenAPI description: only the operations that the stand-in serves, and what they
 * refer to. `node test/support/bitbucket/extract.ts FILES…` (see README.md).
 */
import { join } from 'node:path';
import { extract } from '../hosts/extraction.ts';

const repository = '/repositories/{workspace}/{repo_slug}';
extract({
  sources: process.argv.slice(2),
  operations: [
    [`${repository}/commit/{commit}`, 'get'],
    [`${repository}/commit/{commit}/statuses/build`, 'post'],
    [`${repository}/commit/{commit}/statuses/build/{key}`, 'get'],
    [`${repository}/pullrequests`, 'get'],
    [`${repository}/pullrequests/{pull_request_id}/comments`, 'get'],
    [`${repository}/pullrequests/{pull_request_id}/comments`, 'post'],
    [`${repository}/pullrequests/{pull_request_id}/comments/{comment_id}`, 'put'],
    ['/user', 'get'],
  ],
  omitted: ['repository', 'participant', 'comment_resolution', 'pullrequest_endpoint_branch', 'author', 'committer', 'account_links'],
  title: 'Bitbucket Cloud API 2.0 (extract)',
  version: 'FabianSchurig/terraform-provider-bitbucket 9ba94c0a53842001e63b14240d83a1de6c371903',
  target: join(import.meta.dirname, 'openapi-extract.json'),
});
