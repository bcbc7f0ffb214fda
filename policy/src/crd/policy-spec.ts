/** Schemas of `spec` of the three kinds of policy: what the parser reads, and what KubeArmor's own definitions take. */
import type { PolicyKind } from '../model.ts';
import { capabilitiesSection, hardening, networkSection, presets, resources, syscallsSection } from './other-sections.ts';
import { fileSection, processSection } from './path-sections.ts';
import { MAX_NAMED_RULES, mannerOf } from './rule-schema.ts';
import { list, map, object, text, whole, word } from './schema.ts';
import type { Schema } from './schema.ts';

const NOT_YET = 'Part of the API and not enforced yet: nodes reject a policy that has it, by name.';

/** What a policy of this kind asks for. One manager owns it whole, so that two never mix their rules in one policy. */
export function specOf(kind: PolicyKind): Schema {
  const sections = {
    process: processSection(),
    file: fileSection(),
    network: networkSection(),
    capabilities: capabilitiesSection(),
    syscalls: syscallsSection(),
    hardening: hardening(),
    apparmor: text(`Lines of an AppArmor profile. ${NOT_YET}`, { maxLength: 65_536 }),
  };
  const atomic = { 'x-kubernetes-map-type': 'atomic' } as const;
  if (kind === 'KubeArmorHostPolicy') {
    const host = { ...mannerOf('policy'), nodeSelector: nodeSelector(), ...sections, device: devices() };
    return object('What is asked of the selected nodes themselves, outside of containers.', host, {
      ...atomic,
      required: ['nodeSelector'],
    });
  }
  const selector = kind === 'KubeArmorPolicy' ? containerSelector() : clusterSelector();
  const container = { ...mannerOf('policy'), selector, ...sections, presets: presets(), resources: resources() };
  return object('What is asked of the selected containers.', container, atomic);
}

function labels(description: string): Schema {
  return map(description, text('The value of the label.', { maxLength: 4096 }), { maxProperties: 256 });
}

function containerSelector(): Schema {
  const matchLabels = labels(
    'Labels of the pod, all of which must be there. kubearmor.io/container.name narrows it to containers by name: "[web,api]".',
  );
  return object("Which containers of the policy's namespace; without it all of them.", {
    matchLabels,
    matchExpressions: expressions(['label']),
  });
}

function clusterSelector(): Schema {
  return object('Which containers of the cluster; without it all of them.', { matchExpressions: expressions(['namespace', 'label']) });
}

function expressions(keys: readonly string[]): Schema {
  const about = keys.includes('namespace')
    ? 'namespace: values are names of namespaces; label: values are key=value.'
    : 'Values are key=value.';
  const expression = object(
    'One condition.',
    {
      key: word(about, keys),
      operator: word('In: any of the values is there; NotIn: none is.', ['In', 'NotIn']),
      values: list('At least one.', text('A value.', { minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: MAX_NAMED_RULES }),
    },
    {
      required: ['key', 'operator', 'values'],
      'x-kubernetes-validations': [
        {
          rule: "self.key != 'label' || self.values.all(value, value.contains('=') && !value.startsWith('='))",
          message: 'a label is written as key=value',
          fieldPath: '.values',
        },
      ],
    },
  );
  // KubeArmor's own tools write null for none.
  return list('Conditions, all of which must hold.', expression, { maxItems: 32, nullable: true });
}

function nodeSelector(): Schema {
  const matchLabels = labels(
    'Labels of the node, all of which must be there; {} is every node. kubernetes.io/hostname may list names: a,b.',
  );
  return object('Which nodes.', { matchLabels });
}

function devices(): Schema {
  const device = object(
    'A class of USB devices.',
    {
      class: text('The class.'),
      subClass: whole('The subclass.', { format: 'int32' }),
      protocol: whole('The protocol.', { format: 'int32' }),
      level: whole('How deep in the tree of devices.', { format: 'int32', minimum: 1 }),
      ...mannerOf('rule'),
    },
    { required: ['class'] },
  );
  return object(`Which USB devices may be used. ${NOT_YET}`, {
    ...mannerOf('section'),
    matchDevice: list('Rules for devices.', device, { maxItems: MAX_NAMED_RULES }),
  });
}
