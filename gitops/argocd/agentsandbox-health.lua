-- The health of an AgentSandbox for Argo CD: resource.customizations.health.stockade.dev_AgentSandbox in argocd-cm.
--
--   Healthy      Ready, or run to its end without an error
--   Suspended    spec.operatingMode is Suspended, or the end that spec.lifecycle sets is reached, and the pod is gone
--   Degraded     waiting will not help (Stalled), it failed, a container cannot run, or its network or its runtime is not
--                what it should be, or was found so and does not prove so now (ProbeFails)
--   Progressing  anything else; the message is that of Ready

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
local stalled = condition("Stalled")
local finished = condition("Finished")
local suspended = condition("Suspended")

-- What the status says may be about an earlier spec.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not looked at this spec yet" }
end

if stalled.status == "True" then
  return { status = "Degraded", message = words(stalled) }
end
for _, name in ipairs({ "EgressIsolated", "RuntimeHardened" }) do
  local found = condition(name)
  if found.status == "False" then
    return { status = "Degraded", message = words(found) }
  end
end
local isolated = condition("EgressIsolated")
if isolated.reason == "ProbeFails" then
  return { status = "Degraded", message = words(isolated) }
end
if finished.status == "True" then
  if finished.reason == "PodSucceeded" then
    return { status = "Healthy", message = words(finished) }
  end
  if finished.reason == "Expired" then
    return { status = "Suspended", message = words(finished) }
  end
  return { status = "Degraded", message = words(finished) }
end
if suspended.status == "True" then
  return { status = "Suspended", message = words(suspended) }
end
if ready.status == "True" then
  return { status = "Healthy", message = words(ready) }
end
-- As Argo CD sees a pod in such a state.
for _, reason in ipairs({ "CrashLoop", "ImagePullFailed", "ContainerCannotStart" }) do
  if ready.reason == reason then
    return { status = "Degraded", message = words(ready) }
  end
end
return { status = "Progressing", message = words(ready) }
