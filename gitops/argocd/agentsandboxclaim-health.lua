-- The health of an AgentSandboxClaim for Argo CD:
-- resource.customizations.health.stockade.dev_AgentSandboxClaim in argocd-cm.
--
--   Healthy      its sandbox is ready, or the claim ended as it should: its agent has ended, or its time was over
--   Degraded     waiting will not help (Stalled), it waited for too long (TimedOut), its template does not allow what it
--                asks for, the API server refuses its sandbox, or a container of that cannot run
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

-- What the status says may be about an earlier spec.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not looked at this spec yet" }
end

-- A claim that has ended stays so.
if finished.status == "True" then
  if finished.reason == "TimedOut" then
    return { status = "Degraded", message = words(finished) }
  end
  return { status = "Healthy", message = words(finished) }
end
if stalled.status == "True" then
  return { status = "Degraded", message = words(stalled) }
end
if ready.status == "True" then
  return { status = "Healthy", message = words(ready) }
end
for _, reason in ipairs({
  "EnvNotAllowed", "MetadataNotAllowed", "TemplateInvalid", "SandboxRefused",
  "CrashLoop", "ImagePullFailed", "ContainerCannotStart",
}) do
  if ready.reason == reason then
    return { status = "Degraded", message = words(ready) }
  end
end
return { status = "Progressing", message = words(ready) }
