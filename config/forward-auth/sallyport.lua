-- For HAProxy: asks Sallyport whether a request may pass, and tells the application who is there.

local base = "http://127.0.0.1:4180"

-- What the application is told. Add the names that your `headers` and `assertion` use.
local told = { "authorization", "x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username",
  "x-forwarded-groups" }

-- What does not belong into a question without a body, or into its answer.
local of_connection = {
  ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["keep-alive"] = true,
  ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
}

-- The values of one header, in order; HAProxy counts from 0.
local function values(headers, name)
  local found = {}
  local list = headers[name]
  if list then
    local index = list[0] == nil and 1 or 0
    while list[index] ~= nil do
      found[#found + 1] = list[index]
      index = index + 1
    end
  end
  return found
end

local function reply(txn, status, headers, body)
  local answer = txn:reply()
  answer:set_status(status)
  for name in pairs(headers) do
    if not of_connection[name] then
      for _, value in ipairs(values(headers, name)) do
        answer:add_header(name, value)
      end
    end
  end
  if body then answer:set_body(body) end
  txn:done(answer)
end

core.register_action("sallyport_ask", { "http-req" }, function(txn)
  local asked = {}
  local received = txn.http:req_get_headers()
  for name in pairs(received) do
    if not of_connection[name] then asked[name] = values(received, name) end
  end
  asked["x-forwarded-method"] = { txn.sf:method() }
  asked["x-forwarded-uri"] = { txn.sf:pathq() }

  local response = core.httpclient():get({
    url = base .. "/oauth2/forward-auth",
    headers = asked,
    timeout = 15000,
  })
  if not response or response.status == 0 then
    reply(txn, 503, { ["retry-after"] = { "5" }, ["cache-control"] = { "no-store" } })
  elseif response.status < 200 or response.status > 299 then
    reply(txn, response.status, response.headers, response.body)
  else
    for _, name in ipairs(told) do
      txn.http:req_del_header(name)
      for _, value in ipairs(values(response.headers, name)) do
        txn.http:req_add_header(name, value)
      end
    end
    local cookies = values(response.headers, "set-cookie")
    txn:set_priv(cookies)
    if #cookies > 0 then txn:set_var("txn.sallyport_cookie", "added") end
    txn:set_var("txn.sallyport", "passes")
  end
end)

core.register_action("sallyport_cookies", { "http-res" }, function(txn)
  for _, cookie in ipairs(txn:get_priv() or {}) do
    txn.http:res_add_header("set-cookie", cookie)
  end
end)
