/**
 * Health of our kinds for Argo CD, as Lua 5.1. Argo CD gives scripts the base and the table library only, and takes a kind without a script
 * for healthy: without these, "Synced" would look like "enforced".
 */

/** Kinds to scripts, as keys of `argocd-cm` name them. */
export function healthScripts(): Readonly<Record<string, string>> {
  return {
    'security.kubearmor.com_KubeArmorPolicy': POLICY,
    'security.kubearmor.com_KubeArmorClusterPolicy': POLICY,
    'security.kubearmor.com_KubeArmorHostPolicy': POLICY,
    'parapet.dev_PolicySource': SOURCE,
    'parapet.dev_NodeReport': REPORT,
  };
}

/** The part of the `argocd-cm` ConfigMap that holds them, to merge with what is there. */
export function healthConfigMap(namespace: string): object {
  const data = Object.entries(healthScripts()).map(([kind, script]) => [`resource.customizations.health.${kind}`, script]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'argocd-cm', namespace, labels: { 'app.kubernetes.io/part-of': 'argocd' } },
    data: Object.fromEntries(data) as Record<string, string>,
  };
}

/**
 * What Argo CD need not watch, as items for `resource.exclusions` of `argocd-cm`: every node renews its report all the time, and no
 * Application holds one.
 */
export function exclusions(): readonly object[] {
  return [{ apiGroups: ['parapet.dev'], kinds: ['NodeReport'], clusters: ['*'] }];
}

/** An object may say anything, also where a table is expected. */
const READING = `local function fields(value)
  if type(value) == "table" then return value end
  return {}
end

local metadata, spec, status = fields(obj.metadata), fields(obj.spec), fields(obj.status)
local conditions = {}
for _, condition in ipairs(fields(status.conditions)) do
  condition = fields(condition)
  if condition.type ~= nil then conditions[condition.type] = condition end
end

local function is(name, value)
  return fields(conditions[name]).status == value
end

local function health(state, name, otherwise)
  local message = fields(conditions[name]).message
  if type(message) ~= "string" or message == "" then message = otherwise end
  return { status = state, message = message }
end

local observed, generation = tonumber(status.observedGeneration), tonumber(metadata.generation)
local outdated = observed ~= nil and generation ~= nil and observed < generation
`;

const POLICY = `${READING}
if outdated or conditions.Enforced == nil then
  return { status = "Progressing", message = "waiting for nodes to take the policy" }
end
if is("Accepted", "False") then
  return health("Degraded", "Accepted", "the policy is refused")
end
if is("Degraded", "True") then
  return health("Degraded", "Degraded", "some node cannot hold the policy")
end
if is("Enforced", "True") then
  return health("Healthy", "Enforced", "in force on every node")
end
return health("Progressing", "Enforced", "not yet in force on every node")
`;

const SOURCE = `${READING}
if spec.suspend == true then
  return { status = "Suspended", message = "the source is suspended" }
end
if outdated or conditions.Ready == nil then
  return { status = "Progressing", message = "waiting for the reconciler" }
end
if is("Stalled", "True") then
  return health("Degraded", "Stalled", "the source cannot be reconciled")
end
if is("Reconciling", "True") then
  return health("Progressing", "Reconciling", "reconciling")
end
if is("Ready", "False") then
  return health("Degraded", "Ready", "the last commit is not applied")
end
if not is("Ready", "True") then
  return health("Progressing", "Ready", "waiting for the reconciler")
end

local policies = fields(status.policies)
local total, enforced = tonumber(policies.total) or 0, tonumber(policies.enforced) or 0
local degraded, refused = tonumber(policies.degraded) or 0, tonumber(policies.refused) or 0
if degraded + refused > 0 then
  return { status = "Degraded", message = degraded .. " degraded and " .. refused .. " refused of " .. total .. " policies" }
end
if enforced < total then
  return { status = "Progressing", message = enforced .. " of " .. total .. " policies in force" }
end
return health("Healthy", "Ready", "applied")
`;

const REPORT = `local function fields(value)
  if type(value) == "table" then return value end
  return {}
end

local status = fields(obj.status)
if status.policies == nil then
  return { status = "Progressing", message = "waiting for the node's agent" }
end
local policies = fields(status.policies)
local pending, count, failed = 0, 0, {}
for _, policy in ipairs(policies) do
  policy = fields(policy)
  if policy.state == "Degraded" or policy.state == "Rejected" then
    count = count + 1
    if count <= 10 then table.insert(failed, tostring(policy.name)) end
  elseif policy.state ~= "Enforced" then
    pending = pending + 1
  end
end
if count > 0 then
  local more = ""
  if count > 10 then more = " and " .. (count - 10) .. " more" end
  return { status = "Degraded", message = "the node cannot hold " .. table.concat(failed, ", ") .. more }
end
if pending > 0 then
  return { status = "Progressing", message = pending .. " of " .. #policies .. " policies not yet in force" }
end
return { status = "Healthy", message = "all policies are in force" }
`;
