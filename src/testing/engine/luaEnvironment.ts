/**
 * The part of a script's environment that is written in Lua: the globals, `redis`, `cjson`, `bit`, and the loop that
 * runs one script.
 *
 * Lua and the engine talk over the standard streams of Lua. A value is a letter, a number or a length, a line feed, and
 * the bytes. `ask` sends a request and reads the reply, while the script waits inside the call.
 */
export const luaEnvironment = String.raw`
local stdin, stdout = io.stdin, io.stdout
local error, type, tonumber, tostring, next, select = error, type, tonumber, tostring, next, select
local loadstring, pcall, rawset, setmetatable, unpack, xpcall = loadstring, pcall, rawset, setmetatable, unpack, xpcall
local byte, find, format, gmatch, gsub, sub = string.byte, string.find, string.format, string.gmatch, string.gsub, string.sub
local concat, floor, huge, max, randomseed = table.concat, math.floor, math.huge, math.max, math.randomseed
local getinfo, sethook, clock = debug.getinfo, debug.sethook, os.clock
local globals, null = _G, newproxy()
local deepest, longest = 1000, 100000000

-- The script or the function that runs: the name of its source, its text, and the line at which it begins.
local source, text, first = "", "", 1

-- The line of the script that runs. A tail call has taken the place of the script on the stack: then it is the line of
-- the first tail call of the script.
local function lineNow()
  local level = 3
  local info = getinfo(level, "Sl")
  while info and info.source ~= source do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if info then return info.currentline end
  local number = 0
  for words in gmatch(text .. "\n", "(.-)\n") do
    number = number + 1
    if number >= first and find(words, "return%s+[%w_%.:]+%s*%(") then return number end
  end
  return first
end

local function raise(message) error(sub(source, 2) .. ":" .. lineNow() .. ": " .. message, 0) end

-- The values on the streams.

local read
local readers = {
  s = function(length) return length == 0 and "" or stdin:read(length) end,
  d = function(number) return number end,
  t = function() return true end,
  f = function() return false end,
  n = function() return nil end,
  z = function() return null end,
  a = function(length)
    local array = {}
    for i = 1, length do array[i] = read() end
    return array
  end,
  m = function(size)
    local map = {}
    for _ = 1, size do
      local key = read()
      map[key] = read()
    end
    return map
  end
}
function read()
  local head = stdin:read("*l")
  return readers[sub(head, 1, 1)](tonumber(sub(head, 2)))
end

local function add(out, value, depth)
  local kind = type(value)
  if kind == "string" then out[#out + 1] = "s" .. #value .. "\n" .. value
  elseif kind == "number" then out[#out + 1] = "d" .. format("%.17g", value) .. "\n"
  elseif kind == "boolean" then out[#out + 1] = value and "t\n" or "f\n"
  elseif value == null then out[#out + 1] = "z\n"
  elseif kind == "table" then
    if depth > deepest then error({ err = "ERR reached lua stack limit" }, 0) end
    out[#out + 1] = "{\n"
    for key, item in next, value do
      add(out, key, depth + 1)
      add(out, item, depth + 1)
    end
    out[#out + 1] = "}\n"
  else out[#out + 1] = "n\n" end
end

local function write(...)
  local out = {}
  for i = 1, select("#", ...) do add(out, (select(i, ...)), 1) end
  stdout:write(concat(out))
  stdout:flush()
end

-- Asks the engine. The result is whether it succeeded, and the value or the message.
local function ask(topic, ...)
  write(topic, { n = select("#", ...), ... })
  return read(), read()
end

local function asked(topic, ...)
  local ok, value = ask(topic, ...)
  if not ok then raise(value) end
  return value
end

-- The libraries.

local protected = { [globals] = true }
local function refuse() raise("Attempt to modify a readonly table") end

local function readonly(members)
  local table = setmetatable({}, { __index = members, __newindex = refuse, __metatable = false })
  protected[table] = true
  return table
end

local function single(field, value) return { [field] = value } end

local redis = {
  call = function(...)
    local ok, value = ask("call", ...)
    if not ok then error(single("err", value), 0) end
    return value
  end,
  pcall = function(...)
    local ok, value = ask("call", ...)
    if not ok then return single("err", value) end
    return value
  end,
  error_reply = function(...)
    local text = ...
    if select("#", ...) ~= 1 or type(text) ~= "string" then
      return single("err", "ERR wrong number or type of arguments")
    end
    return single("err", sub(text, 1, 1) == "-" and sub(text, 2) or text)
  end,
  status_reply = function(...)
    local text = ...
    if select("#", ...) ~= 1 or type(text) ~= "string" then
      return single("err", "ERR wrong number or type of arguments")
    end
    return single("ok", text)
  end,
  sha1hex = function(...)
    if select("#", ...) ~= 1 then raise("wrong number of arguments") end
    return asked("sha1hex", tostring((...)))
  end,
  setresp = function(version)
    if version ~= 2 and version ~= 3 then raise("RESP version must be 2 or 3.") end
    asked("setresp", version)
  end,
  log = function() end,
  replicate_commands = function() return true end,
  set_repl = function() end,
  breakpoint = function() return false end,
  debug = function() end,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  REDIS_VERSION = "8.0.0", REDIS_VERSION_NUM = 524288
}

local escapes = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t"
}
local function escaped(char) return escapes[char] or format("\\u%04x", byte(char)) end
local function quoted(text) return '"' .. gsub(text, '[%z\1-\31"\\/\127]', escaped) .. '"' end

-- The length of an array; -1 for a table with other keys.
local function lengthOf(value)
  local last, count = 0, 0
  for key in next, value do
    if type(key) ~= "number" or key < 1 or floor(key) ~= key then return -1 end
    if key > last then last = key end
    count = count + 1
  end
  if last > count * 2 and last > 10 then raise("Cannot serialise table: excessively sparse array") end
  return last
end

local encode
local function encodeTable(value, depth)
  if depth > deepest then raise("Cannot serialise, excessive depth (" .. depth .. ")") end
  local parts, length = {}, lengthOf(value)
  if length > 0 then
    for i = 1, length do parts[i] = encode(value[i], depth) end
    return "[" .. concat(parts, ",") .. "]"
  end
  for key, item in next, value do
    local name
    if type(key) == "number" then name = '"' .. format("%.14g", key) .. '"'
    elseif type(key) == "string" then name = quoted(key)
    else raise("Cannot serialise table: table key must be a number or string") end
    parts[#parts + 1] = name .. ":" .. encode(item, depth)
  end
  return "{" .. concat(parts, ",") .. "}"
end
function encode(value, depth)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" then
    if value ~= value or value == huge or value == -huge then
      raise("Cannot serialise number: must not be NaN or Inf")
    end
    return format("%.14g", value)
  end
  if kind == "boolean" then return tostring(value) end
  if value == nil or value == null then return "null" end
  if kind == "table" then return encodeTable(value, depth + 1) end
  raise("Cannot serialise " .. kind .. ": type not supported")
end

local cjson = {
  null = null,
  _NAME = "cjson",
  _VERSION = "2.1.0",
  encode = function(...)
    if select("#", ...) ~= 1 then raise("bad argument #1 to 'encode' (expected 1 argument)") end
    return encode((...), 0)
  end,
  decode = function(...)
    local text = ...
    if select("#", ...) ~= 1 then raise("bad argument #1 to 'decode' (expected 1 argument)") end
    if type(text) ~= "string" and type(text) ~= "number" then
      raise("bad argument #1 to 'decode' (string expected, got " .. type(text) .. ")")
    end
    return asked("cjson.decode", tostring(text))
  end
}

local bit = {}
for _, name in next, {
  "tobit", "tohex", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bswap"
} do
  bit[name] = function(...) return asked("bit." .. name, ...) end
end

local function missing(name)
  return readonly(setmetatable({}, { __index = function() raise(name .. " is not supported by TestCluster") end }))
end

for _, name in next, {
  "io", "debug", "package", "require", "module", "dofile", "loadfile", "newproxy", "print"
} do globals[name] = nil end
-- The error of a command is a text for those who catch it.
globals.pcall = function(...)
  local results, count = { pcall(...) }, 0
  for index in next, results do if index > count then count = index end end
  local problem = results[2]
  if not results[1] and type(problem) == "table" and problem.err then return false, problem.err end
  return unpack(results, 1, count)
end
globals.rawset = function(table, key, value)
  if protected[table] then error("Attempt to modify a readonly table", 0) end
  return rawset(table, key, value)
end
globals.os = readonly({ clock = clock })
for _, name in next, { "string", "table", "math", "coroutine" } do globals[name] = readonly(globals[name]) end
globals.redis, globals.cjson, globals.bit = readonly(redis), readonly(cjson), readonly(bit)
globals.struct, globals.cmsgpack = missing("struct"), missing("cmsgpack")
setmetatable(globals, {
  __index = function(_, name)
    raise("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'")
  end,
  __newindex = refuse,
  __metatable = false
})

-- Runs.

local function tooLong()
  raise("the script has run " .. longest .. " instructions, and TestCluster ends it")
end

local function onError(problem)
  local message = type(problem) == "table" and problem.err or "ERR " .. tostring(problem)
  return { err = message, source = source, line = lineNow() }
end

local function perform(f, ...)
  local args, count = { ... }, select("#", ...)
  first = max(1, getinfo(f, "S").linedefined)
  randomseed(0)
  sethook(tooLong, "", longest)
  local ok, value = xpcall(function() return (f(unpack(args, 1, count))) end, onError)
  sethook()
  local isWritten, problem = pcall(write, ok, value)
  if not isWritten then write(false, problem) end
end

local libraries = {}

local function load(id)
  local functions = {}
  rawset(globals, "KEYS", nil)
  rawset(globals, "ARGV", nil)
  redis.register_function = function(name, callback)
    if type(name) == "table" then name, callback = name.function_name, name.callback end
    if type(name) ~= "string" or type(callback) ~= "function" then
      raise("redis.register_function needs a name and a function")
    end
    functions[name] = callback
  end
  local chunk, problem = loadstring(text, source)
  if chunk then
    perform(function()
      chunk()
      libraries[id] = { text = text, functions = functions }
    end)
  else
    write(false, { err = "ERR Error compiling function: " .. problem })
  end
  redis.register_function = nil
end

return function()
  local kind, id, name, keys, args = read(), read(), read(), read(), read()
  source = kind == "script" and "@user_script" or "@user_function"
  if kind == "function" then
    text = libraries[id].text
    return perform(libraries[id].functions[name], keys, args)
  end
  text = id
  if kind == "load" then return load(name) end
  local chunk, problem = loadstring(text, source)
  if not chunk then return write(false, { err = "ERR Error compiling script (new function): " .. problem }) end
  rawset(globals, "KEYS", keys)
  rawset(globals, "ARGV", args)
  perform(chunk)
end
`
