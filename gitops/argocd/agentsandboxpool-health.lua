-- The health of an AgentSandboxPool for Argo CD:
-- resource.customizations.health.stockade.dev_AgentSandboxPool in argocd-cm.
--
--   Healthy      as many sandboxes are ready as it is to keep
--   Degraded     sandboxes do not come up (BackingOff), the API server refuses them, or the template may not run
--   Progressing  anything else: it fills up, also after a claim took a sandbox; the message is that of Ready

local function condition(name)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, found in ipairs(obj.status.conditions) do
      if found.type == name then
        return found
      end
    end
  end
  return {}
end

local function words(found)
  if found.message ~= nil and found.message ~= "" then
    return (found.reason or "") .. ": " .. found.message
  end
  return found.reason or ""
end

local ready = condition("Ready")

-- What the status says may be about an earlier spec.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not looked at this spec yet" }
end

if ready.status == "True" then
  return { status = "Healthy", message = words(ready) }
end
for _, reason in ipairs({ "BackingOff", "SandboxRefused", "TemplateInvalid" }) do
  if ready.reason == reason then
    return { status = "Degraded", message = words(ready) }
  end
end
return { status = "Progressing", message = words(ready) }
