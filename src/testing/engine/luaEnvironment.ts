/**
 * The part of a script's environment that is written in Lua: the globals, `redis`, `cjson`, `bit`, and the loop that
 * runs one script.
 *
 * Lua and the engine talk over the standard streams of Lua. A value is a letter, a number or a length, a line feed, and
 * the bytes. `ask` sends a request and reads the reply, while the script waits inside the call.
 */
export const luaEnvironment = String.raw`
local stdin, stdout = io.stdin, io.stdout
local error, type, tonumber, tostring, next, pairs, select = error, type, tonumber, tostring, next, pairs, select
local loadstring, pcall, unpack, xpcall, collectgarbage = loadstring, pcall, unpack, xpcall, collectgarbage
local rawget, rawset, getmetatable, setmetatable, setfenv = rawget, rawset, getmetatable, setmetatable, setfenv
local byte, find, format, gmatch, gsub, sub = string.byte, string.find, string.format, string.gmatch, string.gsub, string.sub
local match = string.match
local concat, insert, floor, huge, max, randomseed = table.concat, table.insert, math.floor, math.huge, math.max, math.randomseed
local create, resume = coroutine.create, coroutine.resume
local getinfo, sethook, clock = debug.getinfo, debug.sethook, os.clock
local globals, null = _G, newproxy()
local deepest, longest, period = 1000, 100000000, 100000

local function pack(...) return { n = select("#", ...), ... } end

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

-- The code that runs, with its line: the script, or what it has loaded.
local function place()
  local level = 3
  local info = getinfo(level, "Sl")
  while info and (info.what == "C" or info.source == "=redis") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if info and info.currentline > 0 and info.source ~= source then return info.short_src .. ":" .. info.currentline end
  return sub(source, 2) .. ":" .. lineNow()
end

local function raise(message) error(place() .. ": " .. message, 0) end

-- An error of a function that is wrapped here names a line of this file. For the script it is a line of the script.
local function placed(problem)
  if type(problem) ~= "string" or not find(problem, "^redis:%d+: ") then return problem end
  return place() .. ": " .. gsub(problem, "^redis:%d+: ", "")
end

-- The instructions that the run may still take, in all its coroutines.
local left = longest

local function tooLong()
  raise("the script has run " .. longest .. " instructions, and TestCluster ends it")
end

local function count()
  left = left - period
  if left <= 0 then tooLong() end
end

-- No function that catches errors catches the end of the run.
local function unlessOver(...)
  if left <= 0 then tooLong() end
  return ...
end

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
  else out[#out + 1] = value == nil and "n\n" or "z\n" end
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

-- A script sees a library, and the globals, as an empty table: all reads and writes reach its metatable.
local membersOf = {}
local function refuse() raise("Attempt to modify a readonly table") end
local function refuseThere() error("Attempt to modify a readonly table", 0) end

local hidden = {}
local function readonly(members)
  local meta = { __index = members, __newindex = refuse, __metatable = hidden }
  local table = setmetatable({}, meta)
  membersOf[table] = members
  return table, meta
end
setmetatable(hidden, { __newindex = refuse, __metatable = hidden })
membersOf[hidden] = {}

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
    text = sub(text, 1, 1) == "-" and sub(text, 2) or text
    return single("err", find(text, " ", 1, true) and text or "ERR " .. text)
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
  "io", "debug", "package", "require", "module", "dofile", "loadfile", "newproxy", "print", "getfenv", "setfenv"
} do globals[name] = nil end

-- The error of a command is a text for those who catch it.
globals.pcall = function(...)
  local results = pack(unlessOver(pcall(...)))
  local problem = results[2]
  if not results[1] then
    problem = type(problem) == "table" and problem.err or placed(problem)
    return false, problem
  end
  return unpack(results, 1, results.n)
end
globals.xpcall = function(f, handler)
  return unlessOver(xpcall(f, function(problem) return handler(placed(problem)) end))
end
globals.next = function(...)
  local members = membersOf[(...)]
  if members then return next(members, (select(2, ...))) end
  return next(...)
end
globals.pairs = function(...)
  if membersOf[(...)] then return globals.next, (...), nil end
  local f, table, key = pairs(...)
  return f, table, key
end
globals.rawget = function(...)
  if membersOf[(...)] then return rawget(membersOf[(...)], (select(2, ...))) end
  local value = rawget(...)
  return value
end
globals.rawset = function(...)
  if membersOf[(...)] then refuseThere() end
  local table = rawset(...)
  return table
end
globals.setmetatable = function(...)
  if membersOf[(...)] then refuseThere() end
  local table = setmetatable(...)
  return table
end
globals.table.insert = function(...)
  if membersOf[(...)] then refuseThere() end
  insert(...)
end
-- Nobody stops or tunes the collector of the scripts that follow.
globals.collectgarbage = function(...)
  local what = ...
  if what == "stop" or what == "restart" or what == "setpause" or what == "setstepmul" then return 0 end
  local result = collectgarbage(...)
  return result
end
-- Servers do not run compiled code. After a space such code is none.
globals.loadstring = function(...)
  local code, name = ...
  if type(code) ~= "string" then return loadstring(...) end
  if byte(code) == 27 then return loadstring(" " .. code, name or code) end
  return loadstring(code, name or code)
end
globals.load = function(f, name)
  local parts = {}
  while true do
    local isDone, part = globals.pcall(f)
    if not isDone then return nil, part end
    if part == nil or part == "" then break end
    if type(part) ~= "string" then return nil, "reader function must return a string" end
    parts[#parts + 1] = part
  end
  return globals.loadstring(concat(parts), name or "=(load)")
end

-- The hook that counts belongs to a coroutine, and each needs it.
local function counted(...)
  local thread = create(...)
  sethook(thread, count, "", period)
  return thread
end
globals.coroutine.create = counted
globals.coroutine.resume = function(...) return unlessOver(resume(...)) end
globals.coroutine.wrap = function(...)
  local thread = counted(...)
  return function(...)
    local results = pack(unlessOver(resume(thread, ...)))
    if results[1] then return unpack(results, 2, results.n) end
    if type(results[2]) == "string" then raise(results[2]) end
    error(results[2], 0)
  end
end

-- Integers of this build have 32 bits, and those of servers 64: the engine formats those that are greater.
local integers = { d = true, i = true, u = true, x = true, X = true, o = true }
globals.string.format = function(...)
  local text = ...
  if type(text) ~= "string" or not find(text, "%%[-+ #0%d.]*[diuxXo]") then
    local result = format(...)
    return result
  end
  local args, index = pack(...), 1
  text = gsub(text, "%%([-+ #0]*)(%d*)(%.?%d*)(.)", function(flags, width, precision, kind)
    if kind == "%" then return nil end
    index = index + 1
    local number = integers[kind] and tonumber(args[index])
    if not number then return nil end
    if number < 2147483648 and number >= ((kind == "d" or kind == "i") and -2147483648 or 0) then return nil end
    args[index] = asked("format", flags, width, precision, kind, number)
    return "%s"
  end)
  local result = format(text, unpack(args, 2, args.n))
  return result
end
globals.tonumber = function(...)
  local text, base = ...
  if type(text) ~= "string" or type(base) ~= "number" or base == 10 or #text < 6 then
    local number = tonumber(...)
    return number
  end
  local sign, digits = match(text, "^%s*(-?)(%w+)%s*$")
  if not digits then return nil end
  if base == 16 then digits = gsub(digits, "^0[xX]", "") end
  local sum = 0
  for i = 1, #digits do
    local digit = tonumber(sub(digits, i, i), 36)
    if digit >= base then return nil end
    sum = sum * base + digit
  end
  return sign == "-" and 2 ^ 64 - sum or sum
end

globals.os = readonly({ clock = clock })
local strings = globals.string
for _, name in next, { "string", "table", "math", "coroutine" } do globals[name] = readonly(globals[name]) end
globals.redis, globals.cjson, globals.bit = readonly(redis), readonly(cjson), readonly(bit)
globals.struct, globals.cmsgpack = missing("struct"), missing("cmsgpack")
local meta = getmetatable("")
meta.__index, meta.__metatable = strings, readonly({ __index = globals.string })

local nonexistent = {
  __index = function(_, name)
    raise("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'")
  end
}
setmetatable(globals, nonexistent)
local environment, environmentMeta = readonly(globals)
globals._G = environment
globals.getmetatable = function(...)
  local table = ...
  if membersOf[table] then return table == environment and hidden or nil end
  local meta = getmetatable(...)
  return meta
end
-- All code that is loaded from here on has this environment.
setfenv(0, environment)

-- Runs.

local function onError(problem)
  problem = placed(problem)
  local message = type(problem) ~= "table" and "ERR " .. tostring(problem) or problem.err
  return { err = type(message) == "string" and message or "ERR unknown error", source = source, line = lineNow() }
end

local function perform(f, ...)
  local args, number = { ... }, select("#", ...)
  first = max(1, getinfo(f, "S").linedefined)
  left = longest
  randomseed(0)
  sethook(count, "", period)
  local ok, value = xpcall(function() return f(unpack(args, 1, number)) end, onError)
  sethook()
  local isWritten, problem = pcall(write, ok, value)
  if not isWritten then write(false, problem) end
end

local libraries = {}

local flagNames = {
  ["no-writes"] = true, ["allow-oom"] = true, ["allow-stale"] = true, ["no-cluster"] = true,
  ["allow-cross-slot-keys"] = true
}

local function wrong(message) error({ err = "ERR " .. message }, 0) end

local function flagsOf(flags)
  if type(flags) ~= "table" then
    wrong("flags argument to redis.register_function must be a table representing function flags")
  end
  for _, flag in next, flags do if not flagNames[flag] then wrong("unknown flag given") end end
  return flags
end

local function register(functions, ...)
  local number, name, callback, description, flags = select("#", ...), ...
  description, flags = nil, {}
  if number < 1 or number > 2 then wrong("wrong number of arguments to redis.register_function") end
  if number == 1 then
    local given = name
    if type(given) ~= "table" then
      wrong("calling redis.register_function with a single argument is only applicable to Lua table "
        .. "(representing named arguments).")
    end
    for key in next, given do
      if key ~= "function_name" and key ~= "callback" and key ~= "description" and key ~= "flags" then
        wrong("unknown argument given to redis.register_function")
      end
    end
    name, callback, description = given.function_name, given.callback, given.description
    if callback ~= nil and type(callback) ~= "function" then
      wrong("callback argument given to redis.register_function must be a function")
    end
    if given.flags ~= nil then flags = flagsOf(given.flags) end
    if name == nil then wrong("redis.register_function must get a function name argument") end
    if callback == nil then wrong("redis.register_function must get a callback argument") end
  end
  if type(name) == "number" then name = tostring(name) end
  if type(name) ~= "string" then wrong("first argument to redis.register_function must be a string") end
  if type(callback) ~= "function" then wrong("second argument to redis.register_function must be a function") end
  if find(name, "[^%w_]") or name == "" then
    wrong("Library names can only contain letters, numbers, or underscores(_) and must be at least one character long")
  end
  if functions[name] then wrong("Function already exists in the library") end
  functions[name] = { callback = callback, flags = flags, description = description }
end

-- A library that is being loaded sees these names only. Its functions see all when they run.
local registering
local whileLoading = setmetatable({
  redis = readonly(setmetatable({
    register_function = function(...) register(registering, ...) end,
    log = redis.log,
    LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
    REDIS_VERSION = redis.REDIS_VERSION, REDIS_VERSION_NUM = redis.REDIS_VERSION_NUM
  }, nonexistent))
}, nonexistent)

local function load(id)
  registering = {}
  local functions = registering
  local chunk, problem = loadstring(text, source)
  if not chunk then return write(false, { err = "ERR Error compiling function: " .. problem, isWhole = true }) end
  environmentMeta.__index = whileLoading
  perform(function()
    chunk()
    libraries[id] = { text = text, functions = functions }
    local registered = {}
    for name, one in next, functions do
      registered[name] = { flags = one.flags, description = one.description }
    end
    return registered
  end)
  environmentMeta.__index = globals
end

return function()
  local kind, id, name, keys, args = read(), read(), read(), read(), read()
  source = (kind == "script" or kind == "compile") and "@user_script" or "@user_function"
  if kind == "function" then
    globals.KEYS, globals.ARGV = nil, nil
    text = libraries[id].text
    return perform(libraries[id].functions[name].callback, keys, args)
  end
  text = id
  if kind == "load" then return load(name) end
  local chunk, problem = loadstring(text, source)
  if not chunk then return write(false, { err = "ERR Error compiling script (new function): " .. problem }) end
  if kind == "compile" then return write(true, nil) end
  globals.KEYS, globals.ARGV = keys, args
  perform(chunk)
end
`
