/**
 * The schema of PolicySource's `spec`. Defaults are told and not set: what is written there is the user's alone, and whoever reads it
 * (`reconciler/src/source-object.ts`) knows them.
 */
import { POLICY_KINDS } from '../parse.ts';
import { flag, list, object, text, whole, word } from './schema.ts';
import type { Schema, ValidationRule } from './schema.ts';
import { duration, folder, gitUrl, LABEL, name, REF_NAME, secretRef, webUrl } from './source-fields.ts';

/** Whether `ref` names a tag. */
const TAGS = "has(self.ref.tag) || has(self.ref.semver) || (has(self.ref.name) && self.ref.name.startsWith('refs/tags/'))";

const RULES: readonly ValidationRule[] = [
  {
    rule: '!has(self.pullRequests) || has(self.statuses)',
    message: 'pullRequests needs statuses, which name the host',
    fieldPath: '.pullRequests',
  },
  {
    rule: `!has(self.verify) || !has(self.verify.mode) || self.verify.mode == 'Head' || (has(self.ref) && (${TAGS}))`,
    message: 'verifying a tag needs a ref that names one: tag or semver',
    fieldPath: '.verify',
  },
];

export function sourceSpec(): Schema {
  return object(
    'What to follow, and how.',
    {
      url: gitUrl('The repository: an https, ssh or file URL, or user@host:path, without credentials; those are in secretRef.'),
      ref: reference(),
      path: folder('Folder of the policy program in the repository. Default: ., all of it.'),
      interval: duration('How often the repository is asked for news when no webhook tells, and the cluster compared. Default: 1m.'),
      retryInterval: duration('How long after a failure it is tried again. Default: interval.'),
      timeout: duration('How long one run may take. Default: 1m.'),
      suspend: flag('Nothing is done while this is true; what is applied stays. Default: false.'),
      prune: flag('Whether policies that are gone from the repository are removed from the cluster. Default: true.'),
      pruneLimit: whole(
        'Percent of the applied policies that one commit may remove without the annotation reconcile.parapet.dev/confirmPrune: COMMIT. Default: 50.',
        { minimum: 0, maximum: 100 },
      ),
      deletionPolicy: word(
        'What happens to the policies when this object is deleted. MirrorPrune (the default): they are removed if prune is true; Delete: removed; Orphan: left.',
        ['MirrorPrune', 'Delete', 'Orphan'],
      ),
      force: flag(
        'Whether fields and policies of others are taken over. Default: false: such a conflict is told, and the policy left as it is.',
      ),
      drift: word('What is done about policies that somebody changed in the cluster: Correct (the default) or Report.', [
        'Correct',
        'Report',
      ]),
      allowEmpty: flag('Whether a commit without any policy may remove all of them. Default: false.'),
      dependsOn: dependencies(),
      targetNamespace: name('Namespace that all namespaced policies are put into, whatever they say. Default: what they say.', LABEL, 63),
      serviceAccountName: name("Account in this object's namespace that policies are written as. Default: the reconciler's own."),
      secretRef: secretRef(
        'Credentials of the repository. For https: username and password, or bearerToken, or githubAppID, githubAppInstallationID and githubAppPrivateKey. For ssh: identity and known_hosts, and password for a key that has one.',
      ),
      verify: verification(),
      ignore: text('Files of the repository that are left out: lines as in a .gitignore.', { maxLength: 65_536 }),
      allow: allowed(),
      delivery: delivery(),
      statuses: statusHost(),
      pullRequests: pullRequests(),
      webhook: object(
        'Push events of the host start a run at once.',
        { secretRef: secretRef('Secret with token, which signs the events.') },
        {
          required: ['secretRef'],
        },
      ),
    },
    {
      required: ['url'],
      'x-kubernetes-validations': RULES,
    },
  );
}

function reference(): Schema {
  const fields = ['branch', 'tag', 'semver', 'commit', 'name'];
  const written = fields.map((field) => `has(self.${field})`).join(', ');
  return object(
    "Which commit: exactly one of these. Without ref, the newest of the repository's default branch.",
    {
      branch: text('The newest commit of a branch.', REF_NAME),
      tag: text('The commit of a tag.', REF_NAME),
      semver: text('The newest tag in a range, such as 1.x or >=1.2.0 <2.', { minLength: 1, maxLength: 256 }),
      commit: text('One commit, by its full hash.', { maxLength: 64, pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$' }),
      name: text('A full name of a reference, such as refs/pull/42/head.', { ...REF_NAME, pattern: '^refs/[^ ~^:?*\\[\\\\]+$' }),
    },
    {
      'x-kubernetes-validations': [
        { rule: `[${written}].filter(is, is).size() == 1`, message: `must have exactly one of ${fields.join(', ')}` },
      ],
    },
  );
}

function dependencies(): Schema {
  const dependency = object(
    'Another PolicySource.',
    { name: name('Its name.'), namespace: name("Its namespace. Default: this object's.", LABEL, 63) },
    { required: ['name'] },
  );
  return list('Sources that must be ready, with their newest generation, before this one is carried out.', dependency, { maxItems: 32 });
}

function verification(): Schema {
  return object(
    'Commits are taken only with a good signature.',
    {
      mode: word('What must be signed: Head (the default), the commit; Tag, the tag; TagAndHead, both.', ['Head', 'Tag', 'TagAndHead']),
      secretRef: secretRef('Public keys of the signers: *.asc (OpenPGP) and *.sshpub (ssh keys, or lines of an allowed-signers file).'),
    },
    { required: ['secretRef'] },
  );
}

function allowed(): Schema {
  return object('What the repository may ask for; anything else is refused.', {
    kinds: list('Kinds of policy. Default: all.', word('A kind.', POLICY_KINDS), { minItems: 1, maxItems: POLICY_KINDS.length }),
    namespaces: list('Namespaces of policies. Default: all.', name('A namespace.', LABEL, 63), { minItems: 1, maxItems: 1000 }),
  });
}

function delivery(): Schema {
  const only = (mode: string, fields: readonly string[]): ValidationRule => ({
    rule: `self.mode == '${mode}' || !(${fields.map((field) => `has(self.${field})`).join(' || ')})`,
    message: `${fields.join(', ')} ${fields.length === 1 ? 'is' : 'are'} for mode ${mode}`,
  });
  return object(
    'How policies get into the cluster. Default: mode Direct.',
    {
      mode: word(
        'Direct: they are applied. RenderedBranch: written as YAML to a branch. FluxArtifact: offered as a Flux ExternalArtifact.',
        ['Direct', 'RenderedBranch', 'FluxArtifact'],
      ),
      branch: text('For RenderedBranch: the branch.', REF_NAME),
      path: folder('For RenderedBranch: the folder in it. Default: ., all of it.'),
      url: gitUrl("For RenderedBranch: the repository. Default: the source's own."),
      secretRef: secretRef("For RenderedBranch: credentials that may write, as in the source's own secretRef, which is the default."),
      artifactName: name("For FluxArtifact: the name of the ExternalArtifact, in this object's namespace. Default: this object's name."),
    },
    {
      required: ['mode'],
      'x-kubernetes-validations': [
        { rule: "self.mode != 'RenderedBranch' || has(self.branch)", message: 'mode RenderedBranch needs a branch' },
        only('RenderedBranch', ['branch', 'path', 'url', 'secretRef']),
        only('FluxArtifact', ['artifactName']),
      ],
    },
  );
}

function statusHost(): Schema {
  return object(
    'Where the statuses of commits go.',
    {
      provider: word('What kind of host it is.', ['GitHub', 'GitLab', 'Gitea', 'Bitbucket']),
      apiUrl: webUrl("Base of the host's API, such as https://gitlab.com/api/v4. Default: that of the host in url."),
      repository: text('The repository as the host calls it, such as owner/name. Default: the path of url.', {
        maxLength: 512,
        pattern: '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$',
      }),
      secretRef: secretRef(
        'Credentials of the API: token; or username and password; or appID, installationID and privateKey of a GitHub App.',
      ),
      targetUrl: webUrl("Where a click on a status leads. Default: the commit's own page."),
    },
    { required: ['provider', 'secretRef'] },
  );
}

function pullRequests(): Schema {
  return object('Open pull requests are synthesized, checked and compared with the cluster. Needs statuses.', {
    comment: flag('Whether one comment is kept up to date on each. Default: true.'),
    limit: whole('Most of them that are looked at, the newest. Default: 20.', { minimum: 1, maximum: 100 }),
  });
}
