-- Load for a webhook: one AdmissionReview again and again, every answer looked at. Arguments: the file that holds it,
-- and how many milliseconds each connection pauses on average before a request, 0 for not at all. The pauses are
-- exponentially distributed, so that requests come as from many clients that know nothing of each other.
-- Ends with a line of JSON after the word "result".

local threads = {}
refused = 0
answered = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = "application/json"
  file:close()
  local pause = tonumber(arguments[2])
  if pause > 0 then
    math.randomseed(os.time())
    function delay()
      return math.floor(0.5 - pause * math.log(1 - math.random()))
    end
  end
end

function response(status, _, body)
  answered = answered + 1
  if status ~= 200 or not body:find('"allowed":true', 1, true) then
    refused = refused + 1
  end
end

function done(summary, latency)
  local bad, seen = 0, 0
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("refused")
    seen = seen + thread:get("answered")
  end
  local errors = summary.errors
  io.write(string.format(
    'result {"reviews": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "refused": %d, "broken": %d}\n',
    seen, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), bad,
    errors.connect + errors.read + errors.write + errors.timeout))
end
