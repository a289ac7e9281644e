-- wrk's requests: arguments are the scenario and what stands before each path.
-- Source of the functions' names: https://github.com/wg/wrk/blob/master/SCRIPTING
local scenario, prefix, number, requests = nil, nil, 0, {}

function init(arguments)
  scenario, prefix = arguments[1], arguments[2] or ""
  for i = 0, 99 do
    requests[i] = { PUT = wrk.format("PUT", prefix .. "/path/" .. i), GET = wrk.format("GET", prefix .. "/path/" .. i) }
  end
end

function request()
  number = number + 1
  if scenario == "hot" then return requests[0].PUT end
  if scenario == "read" then return requests[number % 100].GET end
  if scenario == "mixed" and number % 10 == 0 then return requests[number % 100].GET end
  return requests[number % 100].PUT
end

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %.0f %.0f\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
