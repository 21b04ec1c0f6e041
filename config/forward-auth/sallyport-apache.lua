-- For Apache: asks Sallyport whether a request may pass, and tells the application who is there.

local socket = require("socket")

local host, port = "127.0.0.1", 4180

-- What the application is told. Add the names that your `headers` and `assertion` use.
local told = { "Authorization", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username",
  "X-Forwarded-Groups" }

-- What a question takes along from the request.
local asked = { "Accept", "Accept-Language", "Access-Control-Request-Method", "Authorization", "Cookie", "DPoP", "Origin",
  "Purpose", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Purpose", "Sec-WebSocket-Key",
  "Sec-WebSocket-Version", "User-Agent",
  "X-Requested-With" }

local function one_line(value)
  return (tostring(value):gsub("[\r\n]", ""))
end

-- Asks; gives status, the header lines as pairs, and the body, or nothing when nobody answers.
local function get(path, headers)
  local connection = socket.tcp()
  connection:settimeout(15)
  if not connection:connect(host, port) then return nil end
  local lines = { "GET " .. path .. " HTTP/1.0" }
  for _, pair in ipairs(headers) do
    lines[#lines + 1] = pair[1] .. ": " .. one_line(pair[2])
  end
  connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
  local status = tonumber((connection:receive("*l") or ""):match("^HTTP/1%.%d (%d%d%d)"))
  local received = {}
  for line in function() return connection:receive("*l") end do
    if line == "" then break end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then received[#received + 1] = { name, value } end
  end
  local body = connection:receive("*a")
  connection:close()
  return status, received, body
end

-- Adds a cookie. setcookie is the only way of mod_lua to answer with several; what it does not know, such as
-- SameSite, goes along with the path, which it writes as it is.
local function set_cookie(r, line)
  local key, value, attributes = line:match("^([^=]+)=([^;]*);?%s*(.*)$")
  if not key then return end
  local path = attributes:match("[Pp]ath=([^;]*)") or "/"
  local others = attributes:gsub("[Pp]ath=[^;]*;?%s*", "")
  r:setcookie({ key = key, value = value, path = path .. "; " .. others })
end

function ask(r)
  if r.uri:sub(1, 8) == "/oauth2/" then return apache2.OK end
  local headers = {
    { "Host", r.headers_in["Host"] or "" },
    { "X-Forwarded-For", r.useragent_ip },
    { "X-Forwarded-Proto", r.headers_in["X-Forwarded-Proto"] or "http" },
    { "X-Forwarded-Host", r.headers_in["Host"] or "" },
    { "X-Forwarded-Method", r.method },
    { "X-Forwarded-Uri", r.unparsed_uri },
  }
  for _, name in ipairs(asked) do
    if r.headers_in[name] then headers[#headers + 1] = { name, r.headers_in[name] } end
  end
  local status, received, body = get("/oauth2/forward-auth", headers)
  if not status then return 503 end

  for _, name in ipairs(told) do r.headers_in[name] = nil end
  for _, pair in ipairs(received) do
    local name, value = pair[1], pair[2]
    if name:lower() == "set-cookie" then
      set_cookie(r, value)
    elseif status >= 200 and status <= 299 then
      for _, known in ipairs(told) do
        if name:lower() == known:lower() then r.headers_in[known] = value end
      end
    elseif name:lower() == "location" or name:lower() == "retry-after" or name:lower() == "cache-control" then
      r.err_headers_out[name] = value
    end
  end
  if status >= 200 and status <= 299 then return apache2.OK end
  if body and body ~= "" then r:custom_response(status, body) end
  return status
end
