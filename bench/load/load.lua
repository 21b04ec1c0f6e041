-- The load of wrk. Arguments: the size of the request's body, and the requests a second for each connection
-- (0: as fast as they go). The result is one line of JSON.
function init(args)
  local size = tonumber(args[1]) or 0
  local rate = tonumber(args[2]) or 0
  if size > 0 then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/octet-stream"
    wrk.body = string.rep("x", size)
  end
  if rate > 0 then
    local longest = 2000 / rate
    -- Spread evenly around the mean, so that connections do not beat in step.
    function delay()
      return math.random(0, longest)
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"failed":%d,"p50":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
