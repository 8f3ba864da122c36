-- The health of an AgentSandboxPolicy for Argo CD:
-- resource.customizations.health.stockade.dev_AgentSandboxPolicy in argocd-cm.
--
--   Healthy      every sandbox that it selects was judged by it; whether one violates it is no matter of its health
--   Degraded     it cannot be understood (Invalid), and no sandbox is admitted where it applies
--   Progressing  anything else

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
if ready.reason == "Invalid" then
  return { status = "Degraded", message = words(ready) }
end
return { status = "Progressing", message = words(ready) }
