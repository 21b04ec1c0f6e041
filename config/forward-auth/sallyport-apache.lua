-- For Apache: asks Sallyport whether a request may pass, and tells the application who is there.

local socket = require("socket")

local host, port = "127.0.0.1", 4180

-- Seconds that Sallyport may take.
local patience = 15

-- What the application is told. Add the names that your `headers` and `assertion` use.
local told = { "Authorization", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username",
  "X-Forwarded-Groups" }

-- What a question takes along from the request.
local asked = { "Accept", "Accept-Language", "Access-Control-Request-Method", "Authorization", "Cookie", "DPoP", "Origin",
  "Purpose", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Purpose", "Sec-WebSocket-Key",
  "Sec-WebSocket-Version", "User-Agent",
  "X-Requested-With" }

-- What Apache says by itself, or what belongs to one connection.
local of_connection = {
  ["connection"] = true, ["content-length"] = true, ["date"] = true, ["keep-alive"] = true, ["server"] = true,
  ["transfer-encoding"] = true, ["upgrade"] = true,
}

local function one_line(value)
  return (tostring(value):gsub("[\r\n]", ""))
end

-- Takes away what a client sends under the names that Sallyport and the application believe, and every name with
-- another character than letters, digits and "-": WSGI, PHP and others read such characters as "-".
local function take_away(r)
  for name in pairs(r:headers_in_table()) do
    local plain = name:lower()
    if plain:find("[^a-z0-9-]") or plain:find("^x%-forwarded%-") or plain:find("^x%-original%-")
      or plain == "x-rewrite-url" or plain == "x-real-ip" or plain == "forwarded" or plain == "proxy" then
      r.headers_in[name] = nil
    end
  end
  -- mod_proxy removes the headers that Connection lists, when everything is set: only its own words may stay.
  local list = "," .. (r.headers_in["Connection"] or ""):lower():gsub("%s", "") .. ","
  local protocol = (r.headers_in["Upgrade"] or ""):lower()
  r.headers_in["Connection"] = nil
  if list:find(",upgrade,", 1, true) and protocol == "websocket" then
    r.headers_in["Connection"] = "upgrade"
  else
    r.headers_in["Upgrade"] = nil
    if list:find(",close,", 1, true) then r.headers_in["Connection"] = "close" end
  end
  r.headers_in["X-Forwarded-Proto"] = r.is_https and "https" or "http"
end

-- Whether Sallyport's own pages are meant: by the path that Apache has decoded and resolved.
local function is_own(r)
  local path = r.uri:lower():gsub("/+", "/")
  return path == "/oauth2" or path:sub(1, 8) == "/oauth2/"
end

-- Browsers may not ask by themselves, since the answer to a question holds tokens. Apache finds the page by the path
-- that it has decoded, and forwards the path as it came: so it has to be plain as it came.
local function is_page(target)
  local name = target:gsub("%?.*$", ""):match("^/oauth2/([A-Za-z0-9_-]+)$")
  return name ~= nil and name ~= "auth" and name:sub(1, 12) ~= "forward-auth"
end

-- Asks; gives status, the header lines as pairs, and the body, or nothing when nobody answers.
local function get(path, headers)
  local connection = socket.tcp()
  connection:settimeout(patience)
  connection:settimeout(patience, "t")
  if not connection:connect(host, port) then return nil end
  local lines = { "GET " .. path .. " HTTP/1.0" }
  for _, pair in ipairs(headers) do
    lines[#lines + 1] = pair[1] .. ": " .. one_line(pair[2])
  end
  connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
  local status = tonumber((connection:receive("*l") or ""):match("^HTTP/1%.%d (%d%d%d)"))
  local received = {}
  local complete = false
  for line in function() return connection:receive("*l") end do
    if line == "" then
      complete = true
      break
    end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then received[#received + 1] = { name, value } end
  end
  if not complete then
    connection:close()
    return nil
  end
  local body, problem, part = connection:receive("*a")
  connection:close()
  -- The end of the connection is the end of the body; of an empty one that is reported as an error.
  if not body and problem ~= "closed" then return nil end
  return status, received, body or part or ""
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

-- Answers with what Sallyport said, as it said it.
local function answer(r, status, headers, body)
  r.status = status
  for _, pair in ipairs(headers) do
    local name = pair[1]:lower()
    if name == "set-cookie" then
      set_cookie(r, pair[2])
    elseif name == "content-type" then
      r.content_type = pair[2]
    elseif not of_connection[name] then
      r.err_headers_out[pair[1]] = pair[2]
    end
  end
  r:write(body)
  return apache2.DONE
end

function ask(r)
  local target = r.unparsed_uri
  -- Of a whole URL Apache would forward another spelling than it asks about.
  if target:sub(1, 1) ~= "/" then return 400 end
  take_away(r)
  if is_own(r) then return is_page(target) and apache2.OK or 404 end

  local headers = {
    { "Host", r.headers_in["Host"] or "" },
    { "X-Forwarded-For", r.useragent_ip },
    { "X-Forwarded-Proto", r.headers_in["X-Forwarded-Proto"] },
    { "X-Forwarded-Host", r.headers_in["Host"] or "" },
    { "X-Forwarded-Method", r.method },
    { "X-Forwarded-Uri", target },
  }
  for _, name in ipairs(asked) do
    if r.headers_in[name] then headers[#headers + 1] = { name, r.headers_in[name] } end
  end
  local status, received, body = get("/oauth2/forward-auth", headers)
  if not status then
    return answer(r, 503, { { "Retry-After", "5" }, { "Cache-Control", "no-store" } }, "")
  end
  if status < 200 or status > 299 then return answer(r, status, received, body) end

  for _, name in ipairs(told) do r.headers_in[name] = nil end
  for _, pair in ipairs(received) do
    local name, value = pair[1], pair[2]
    if name:lower() == "set-cookie" then
      set_cookie(r, value)
      -- For the lines of apache.conf about caches.
      r.subprocess_env["SALLYPORT_COOKIE"] = "added"
    end
    for _, known in ipairs(told) do
      if name:lower() == known:lower() then r.headers_in[known] = value end
    end
  end
  return apache2.OK
end
