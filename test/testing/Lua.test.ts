/**
 * Lua scripts on `TestCluster` reply to the byte what a server replies.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ServerError } from "../../src/protocol/Reply.ts"
import type { Answer } from "../../src/testing/engine/Answer.ts"
import { luaMachine } from "../../src/testing/engine/LuaMachine.ts"
import { needsLua } from "../../src/testing/engine/Scripting.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Twins from "./Twins.ts"

/** A script on `{k}`, with two arguments. */
const evaluate = (script: string): Twins.Words => ["EVAL", script, "2", "{k}", "{k}2", "7", "te xt\xff\0"]

const scripts: Readonly<Record<string, ReadonlyArray<string>>> = {
  "values become replies": [
    "return 1",
    "return -1",
    "return 3.99",
    "return -3.99",
    "return 2^53",
    "return 1e300",
    "return 0/0",
    "return 'text'",
    "return ''",
    "return true",
    "return false",
    "return nil",
    "return",
    "return {}",
    "return {1, 2, 'x', {3, {4}}}",
    "return {1, nil, 3}",
    "return {1, false, 3}",
    "return {1, true, 3}",
    "return {a = 1, 2}",
    "return {[1] = 'one', [2] = 'two', [4] = 'four'}",
    "return print",
    "return function() end",
    "return 1, 2, 3",
    "return {ok = 'FINE'}",
    "return {err = 'MY message'}",
    "return redis.status_reply('FINE')",
    "return redis.error_reply('MY message')",
    "return redis.error_reply('-MY message')",
    "return redis.error_reply()",
    "return {double = 3.5}",
    "return {map = {a = 1}}",
    "return {set = {a = true}}",
    "return {1, redis.error_reply('MY inner'), redis.status_reply('FINE')}"
  ],
  "replies become values": [
    "return redis.call('SET', KEYS[1], ARGV[2])",
    "return redis.call('SET', KEYS[1], ARGV[2]).ok",
    "redis.call('SET', KEYS[1], ARGV[2]) return redis.call('GET', KEYS[1]) == ARGV[2]",
    "redis.call('SET', KEYS[1], ARGV[2]) return #redis.call('GET', KEYS[1])",
    "return redis.call('GET', KEYS[1]) == false",
    "return type(redis.call('INCR', KEYS[1]))",
    "redis.call('SET', KEYS[1], 12.5) return redis.call('GET', KEYS[1])",
    "redis.call('SET', KEYS[1], 1764540000000) return redis.call('GET', KEYS[1])",
    "redis.call('SET', KEYS[1], 10 / 2) return redis.call('GET', KEYS[1])",
    "redis.call('SET', KEYS[1], '9007199254740993') return redis.call('INCR', KEYS[1])",
    "redis.call('RPUSH', KEYS[1], 'a', 'b', 'c') return redis.call('LRANGE', KEYS[1], 0, -1)",
    "redis.call('HSET', KEYS[1], 'a', '1') return redis.call('HGETALL', KEYS[1])",
    "redis.call('HSET', KEYS[1], 'a', '1') return redis.call('HMGET', KEYS[1], 'a', 'b')",
    "redis.call('ZADD', KEYS[1], 1.5, 'a') return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')",
    "redis.call('ZADD', KEYS[1], 1.5, 'a') return redis.call('ZSCORE', KEYS[1], 'a')",
    "return redis.call('MGET', KEYS[1], KEYS[2])",
    "redis.call('SET', KEYS[1], 1, 'PX', 10000) return redis.call('PTTL', KEYS[1]) > 9000",
    "return #redis.call('TIME')",
    "redis.setresp(3) redis.call('HSET', KEYS[1], 'a', '1') return redis.call('HGETALL', KEYS[1]).map.a",
    "redis.setresp(3) redis.call('ZADD', KEYS[1], 1.5, 'a') return redis.call('ZSCORE', KEYS[1], 'a').double * 2",
    "redis.setresp(3) return redis.call('GET', KEYS[1]) == nil",
    "redis.setresp(3) return {true, false}",
    "redis.setresp(3) redis.call('SADD', KEYS[1], 'a') return redis.call('SMEMBERS', KEYS[1]).set.a"
  ],
  "errors are those of a server": [
    "return redis.call('INCR', KEYS[1], 'x')",
    "redis.call('SET', KEYS[1], 'x') return redis.call('INCR', KEYS[1])",
    "redis.call('SET', KEYS[1], 'x')\n\nlocal n = redis.call('INCR', KEYS[1])\nreturn n",
    "redis.call('SET', KEYS[1], 'x') return redis.pcall('INCR', KEYS[1])",
    "redis.call('SET', KEYS[1], 'x') return redis.pcall('INCR', KEYS[1]).err",
    "redis.call('SET', KEYS[1], 'x') local ok, e = pcall(redis.call, 'INCR', KEYS[1]) return {tostring(ok), e}",
    "redis.call('SET', KEYS[1], 'x') return redis.call('LPUSH', KEYS[1], 1)",
    "return redis.call('NOSUCH')",
    "return redis.call('GET')",
    "return redis.call()",
    "return redis.call({})",
    "return redis.call('GET', {})",
    "return redis.call('EVAL', 'return 1', 0)",
    "return redis.call('SUBSCRIBE', 'x')",
    "return redis.call('MULTI')",
    "error('mine')",
    "error({err = 'MY table'})",
    "return nosuch",
    "nosuch = 1",
    "return return",
    "local x = nil return x.y",
    "local x = nil\nreturn 1 + x",
    "return pcall(error, 'x')",
    "local ok, e = pcall(error, 'x') return e",
    "string.x = 1",
    "redis.x = 1",
    "rawset(_G, 'x', 1)",
    "local t = {} rawset(t, 'x', 1) return t.x",
    "return tostring(io)",
    "return cjson.encode(print)"
  ],
  "the libraries are there": [
    "return cjson.encode({1, 2, 'x', true, cjson.null})",
    "return cjson.encode({a = {b = {1, 2.5}}})",
    "return cjson.encode({a = 1, b = 2, c = 3, dd = 4, eee = 5})",
    "return cjson.encode({})",
    "return cjson.encode('a/b\"\\n\\t\\1\\127' .. ARGV[2])",
    "return cjson.encode(1764540000000)",
    "return cjson.encode(0.1)",
    "return cjson.encode({[1] = 1, [3] = 3})",
    "return cjson.encode({[1] = 1, [100] = 3})",
    "return cjson.encode({[1.5] = 1})",
    "local v = cjson.decode('{\"a\":[1,2.5,\"x\\\\u00e9\"],\"b\":null,\"c\":true}') return {v.a, v.b == cjson.null, v.c}",
    "return cjson.decode('[1,2]')",
    "return cjson.decode('\"text\"')",
    "return cjson.decode('[]')",
    "return type(cjson.null)",
    "return tostring(pcall(cjson.decode, '{'))",
    "return {bit.band(12, 10), bit.bor(12, 10), bit.bxor(12, 10), bit.bnot(0), bit.lshift(1, 31), bit.rshift(-1, 28)}",
    "return {bit.arshift(-256, 4), bit.rol(0x12345678, 12), bit.ror(0x12345678, 12), bit.bswap(0x12345678)}",
    "return {bit.tohex(255), bit.tohex(255, 4), bit.tohex(-1, -4), bit.tobit(0xffffffff)}",
    "return redis.sha1hex('x' .. ARGV[2])",
    "return {redis.LOG_WARNING, redis.REPL_ALL, redis.replicate_commands()}",
    "return redis.log(redis.LOG_DEBUG, 'x')",
    "local t = {3, 1, 2} table.sort(t) return {table.concat(t, ','), #t, unpack(t)}",
    "local s = '' for k, v in pairs({x = 1, y = 2, z = 3, foo = 4, bar = 5}) do s = s .. k .. v end return s",
    "return {string.format('%5.2f|%d|%s|%q', 1.5, 3, 'x', 'y'), ('abc'):upper(), ('a,b'):find(',', 1, true)}",
    "return {math.floor(-1.5), math.ceil(1.2), math.max(1, 3), tostring(math.huge), tostring(10 / 4), 7 % 3}",
    "return {tonumber('0x10'), tonumber('  12  '), tostring(tonumber('x')), tonumber('10', 2)}",
    "return loadstring('return ' .. ARGV[1])()",
    "return {select('#', 1, nil, 3), type(_VERSION), _VERSION, type(_G.string)}",
    "return tostring(1e15) .. '|' .. 1e14 .. '|' .. 2^31 .. '|' .. 0.1",
    "return {ARGV[1] + 1, ARGV[1] .. 1, #ARGV, #KEYS}"
  ],
  "integers have 64 bits": [
    "return string.format('%d', 1764540000000)",
    "return ('%d'):format(2^31)",
    "return string.format('%x|%X|%o|%u|%i', 2^40, 2^40 + 10, 2^40, 2^40, -2^40)",
    "return string.format('%x|%d|%u|%d|%5.3d|%+d', -1, 0/0, -5, 1e30, 2^40, 2^40)",
    "return string.format('%20d|%-20d|%020d|%.15d|% d|%#x|%#o|%#X', 2^40, 2^40, 2^40, 2^40, 2^40, 2^40, 2^40, 2^40)",
    "return string.format('%s %d%% %5.1f %d %q', 'x', 2^40, 1.5, '4294967296', 'y')",
    "return string.format('%u', 2^63)",
    "return string.format('%d')",
    "return string.format('%d', 'x')",
    "return string.format('%d', {})",
    "return tonumber('ffffffffff', 16) == 2^40 - 1",
    "return tonumber('zzzzzzz', 36) == 36^7 - 1"
  ],
  "numbers become arguments, and errors are caught": [
    "redis.call('SET', KEYS[1], 1e20) return redis.call('GET', KEYS[1])",
    "redis.call('SET', KEYS[1], 0/0) return redis.call('GET', KEYS[1])",
    "redis.call('SET', KEYS[1], 1/0) return redis.call('GET', KEYS[1])",
    "redis.call('SET', KEYS[1], 2^53) return redis.call('GET', KEYS[1])",
    "return redis.error_reply('')",
    "return redis.error_reply('-')",
    "return redis.error_reply('my')",
    "return redis.error_reply('-my')",
    "return redis.error_reply('my').err",
    "return redis.error_reply('a\\r\\nb')",
    "return select('#', pcall(function() return 1, nil end))",
    "return select('#', pcall(function() end))",
    "error('a', 2)",
    "return {verbatim_string = {string = 'a'}}",
    "return {1, function() end, 2}",
    "return xpcall(function() error('x') end, function(e) return e end)",
    "local c = coroutine.wrap(function() coroutine.yield(redis.call('PING')) end) return c()",
    "local c = coroutine.wrap(function() error('in') end) return c()",
    "local c = coroutine.create(function() redis.call('NOSUCH') end) local ok, e = coroutine.resume(c) return type(e)"
  ],
  "cjson keeps bytes, and bit rounds to even": [
    "return cjson.decode('\"\\255\\200\"')",
    "return cjson.decode('[\"\\\\u00e9\\\\ud83d\\\\ude00\\\\\\\\u00e9\"]')",
    "return cjson.decode('{\"\\255\":1}')['\\255']",
    "return {bit.tobit(2.5), bit.tobit(3.5), bit.tobit(-2.5), bit.tobit(2^40 + 5)}"
  ]
}

/** Attempts to change what other scripts see; the reply and the next script show the damage. */
const attacks: ReadonlyArray<string> = [
  "setfenv(0, {})",
  "setfenv(1, {})",
  "return getfenv(0)",
  "tostring = nil",
  "string = nil",
  "_G['redis'] = nil",
  "_G.tostring = 1",
  "KEYS = 1 return KEYS",
  "redis = 1",
  "getmetatable('').__index = nil",
  "getmetatable('').x = nil return 1",
  "return getmetatable('').__index == string",
  "getmetatable(_G).__index = nil",
  "return getmetatable(_G)",
  "return getmetatable(redis)",
  "setmetatable(_G, nil)",
  "setmetatable(_G, {})",
  "setmetatable(redis, {})",
  "rawset(redis, 'call', 1)",
  "rawset(string, 'format', 1)",
  "table.insert(redis, 'z')",
  "table.insert(table, 'z')",
  "cjson.encode = nil",
  "bit.band = nil",
  "math.floor = nil",
  "coroutine.wrap = nil",
  "return newproxy",
  "return tostring(loadstring(string.dump(function() end)))",
  "return {pcall(loadstring('tostring = nil'))}",
  "local f = load(function() return nil end) return type(f)",
  "for k in pairs(_G) do if k == 'redis' then return k end end",
  "for k in pairs(redis) do if k == 'call' then return k end end",
  "return type(next(redis))",
  "return type(rawget(redis, 'call'))",
  "collectgarbage('stop')",
  "return {pcall(function() redis.x = 1 end)}",
  "for k, v in pairs(nil) do end",
  "table.insert(nil, 1)",
  "setmetatable('x', {})",
  "rawset(1, 2, 3)"
]

describe("Lua on a test cluster", () => {
  layer(RedisCluster.layer({ primaries: 1, replicas: 0 }), { excludeTestServices: true })((it) => {
    for (const resp of ["2", "3"]) {
      for (const [title, sources] of Object.entries(scripts)) {
        it.effect(`${title}, over RESP${resp}`, (ctx) =>
          Effect.gen(function*() {
            const reason = yield* Twins.incomparable
            if (reason !== undefined) return ctx.skip(reason)
            const twins = yield* Twins.make
            for (const source of sources) {
              const commands = [["HELLO", resp], ["FLUSHALL"], evaluate(source)]
              const [real, fake] = yield* Effect.promise(() =>
                Promise.all([twins.real(commands), twins.fake(commands)])
              )
              assert.deepStrictEqual(fake[2], real[2], source)
            }
          }))
      }
    }

    it.effect("no script changes what later scripts see", (ctx) =>
      Effect.gen(function*() {
        const reason = yield* Twins.incomparable
        if (reason !== undefined) return ctx.skip(reason)
        const twins = yield* Twins.make
        for (const source of attacks) {
          const commands = [
            evaluate(source),
            ["EVAL", "return {tostring(1 + 1), redis.call('PING'), ('x'):rep(3), cjson.encode({1}), type(KEYS)}", "0"]
          ]
          const [real, fake] = yield* Effect.promise(() => Promise.all([twins.real(commands), twins.fake(commands)]))
          assert.deepStrictEqual(fake, real, source)
        }
      }))

    it.effect("scripts and libraries that cannot be loaded are refused, and not kept", (ctx) =>
      Effect.gen(function*() {
        const reason = yield* Twins.incomparable
        if (reason !== undefined) return ctx.skip(reason)
        const twins = yield* Twins.make
        const load = (body: string, ...options: ReadonlyArray<string>): Twins.Words => [
          "FUNCTION",
          "LOAD",
          ...options,
          `#!lua name=x\n${body}`
        ]
        const commands: ReadonlyArray<Twins.Words> = [
          ["FUNCTION", "FLUSH"],
          ["SCRIPT", "FLUSH"],
          ["SCRIPT", "LOAD", "return return"],
          ["EVALSHA", "89ed24b40cddf845bd84599da5ab343289d92c1c", "0"],
          ["EVAL", "return return", "0"],
          ["SCRIPT", "EXISTS", "89ed24b40cddf845bd84599da5ab343289d92c1c"],
          ["SCRIPT", "FLUSH", "BAD"],
          ["SCRIPT", "FLUSH", "ASYNC"],
          ["FUNCTION", "FLUSH", "BAD"],
          ["EVAL", "#!lua flags=bad\nreturn 1", "0"],
          ["EVAL", "#!lua flags=no-writes,allow-oom\nreturn 1", "0"],
          ["EVAL", "#!js\nreturn 1", "0"],
          ["EVAL", "#!lua name=x\nreturn 1", "0"],
          ["EVAL", "#!lua flags=no-writes", "0"],
          ["SCRIPT", "LOAD", "#!lua flags=bad\nreturn 1"],
          ["FUNCTION", "LOAD", "return 1"],
          ["FUNCTION", "LOAD", "#!lua\nreturn 1"],
          ["FUNCTION", "LOAD", "#!lua name=a-b\nreturn 1"],
          ["FUNCTION", "LOAD", "#!js name=x\n"],
          ["FUNCTION", "LOAD", "#!lua name=x engine=lua\n"],
          ["FUNCTION", "LOAD", "#!lua name=x name=y\n"],
          load(""),
          load("bad bad"),
          load("error('z')"),
          load("redis.call('PING')"),
          load("local x = cjson.encode({})"),
          load("x = 1"),
          load("redis.x = 1"),
          load("-- redis.register_function('f', function() return 1 end)"),
          load("redis.register_function()"),
          load("redis.register_function('f')"),
          load("redis.register_function('f', 1)"),
          load("redis.register_function('f-g', function() return 1 end)"),
          load("redis.register_function{x = 1}"),
          load("redis.register_function{function_name = 'f'}"),
          load("redis.register_function{callback = 1}"),
          load("redis.register_function{flags = {'nosuch'}}"),
          load("redis.register_function('f', print) redis.register_function('f', print)"),
          load("local function f() return 1 end redis.register_function('f', f) redis.register_function('f', f)"),
          ["FUNCTION", "LIST"],
          load("local n = 'f' .. 1\nredis.register_function(n, function(k, a) return {#k, #a, KEYS == nil} end)"),
          ["FCALL", "f1", "0", "a"],
          load(
            "redis.register_function{function_name = 'g', callback = function() return string.format('%d', 7) end, " +
              "description = 'd', flags = {'no-writes'}}",
            "REPLACE"
          ),
          ["FUNCTION", "LIST", "WITHCODE"],
          ["FCALL", "f1", "0"],
          ["FCALL_RO", "g", "0"],
          ["EVAL", "return redis.register_function == nil", "0"]
        ]
        const [real, fake] = yield* Effect.promise(() => Promise.all([twins.real(commands), twins.fake(commands)]))
        for (const [i, command] of commands.entries()) assert.deepStrictEqual(fake[i], real[i], command.join(" "))
      }))

    it.effect("a script with flags, a read-only call, and a function of a library reply like a server", (ctx) =>
      Effect.gen(function*() {
        const reason = yield* Twins.incomparable
        if (reason !== undefined) return ctx.skip(reason)
        const twins = yield* Twins.make
        const library = `#!lua name=lib
local calls = 0
local function add(keys, args)
  calls = calls + 1
  return {redis.call('INCRBY', keys[1], args[1]), calls}
end
redis.register_function('add', add)
redis.register_function{function_name = 'look', callback = function(keys) return redis.call('GET', keys[1]) end, flags = {'no-writes'}}
redis.register_function('wrong', function(keys)
  return redis.call('INCR', keys[1], 1)
end)`
        const commands = [
          ["FLUSHALL"],
          ["FUNCTION", "FLUSH"],
          ["EVAL", "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 1)", "1", "k"],
          ["EVAL", "#!lua\nreturn redis.call('SET', KEYS[1], 1)", "1", "k"],
          ["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "k"],
          ["EVAL_RO", "return redis.call('DEL', KEYS[1])", "1", "k"],
          ["SCRIPT", "LOAD", "return ARGV[1]"],
          ["EVALSHA", "098e0f0d1448c0a81dafe820f66d460eb09263da", "0", "x"],
          ["EVAL", "return 1", "-1"],
          ["EVAL", "return 1", "2", "k"],
          ["FUNCTION", "LOAD", library],
          ["FCALL", "add", "1", "k", "5"],
          ["FCALL", "add", "1", "k", "5"],
          ["FCALL_RO", "look", "1", "k"],
          ["FCALL_RO", "add", "1", "k", "5"],
          ["FCALL", "wrong", "1", "k"],
          ["FCALL", "nosuch", "1", "k"]
        ]
        const [real, fake] = yield* Effect.promise(() => Promise.all([twins.real(commands), twins.fake(commands)]))
        for (const [i, command] of commands.entries()) assert.deepStrictEqual(fake[i], real[i], command.join(" "))
      }))
  })
})

describe("A script on a machine with Lua", () => {
  const run = (source: string, keys: ReadonlyArray<string> = []): Answer | undefined =>
    luaMachine()?.runScript(source, "sha", keys, [], { run: () => "reply" })
  const errorOf = (source: string): string => {
    const answer = run(source)
    return answer instanceof ServerError ? answer.message : ""
  }

  it("is ended when it does not end", () => {
    assert.include(errorOf("while true do end"), "TestCluster ends it")
    assert.strictEqual(run("return 7"), 7)
  })

  it("is ended when it does not end, whatever catches errors or runs beside", () => {
    for (
      const source of [
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function(e) return e end) end",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do load(function() while true do end end) end"
      ]
    ) assert.include(errorOf(source), "TestCluster ends it", source)
    assert.strictEqual(run("return 7"), 7)
  })

  it("may use more memory than Lua begins with", () => {
    assert.strictEqual(run("return #string.rep('x', 30000000)"), 30_000_000)
    assert.strictEqual(run("return #KEYS[1]", ["x".repeat(3_000_000)]), 3_000_000)
  })

  it("leaves no state to the next one", () => {
    assert.include(errorOf("rawset(_G, 'left', 1)"), "readonly table")
    assert.include(errorOf("string.left = 1"), "readonly table")
    assert.include(errorOf("return left"), "nonexistent global variable")
    assert.strictEqual(run("return string.left"), null)
  })

  // Redis 7.0 itself crashes.
  it("ends with an unknown error when the error is a table without a message", () => {
    assert.include(errorOf("error({})"), "ERR unknown error script")
    assert.include(errorOf("error({1})"), "ERR unknown error script")
  })

  it("ends with an error when its result has no end", () => {
    assert.include(errorOf("local t = {} t[1] = t return t"), "reached lua stack limit")
    assert.include(errorOf("local function f() return 1 + f() end return f()"), "stack overflow")
    assert.strictEqual(run("return 7"), 7)
  })

  it("brings no handler for errors of the process", () => {
    run("return 1")
    const from = [...process.listeners("uncaughtException"), ...process.listeners("unhandledRejection")].map(String)
    assert.isFalse(from.some((source) => source.includes("ExitStatus") || source.startsWith("function abort")))
  })
})

it("A script without Lua says which package to install", () => {
  const { message } = needsLua("a script", "onScript")
  assert.include(message, "npm install --save-dev lua-wasm-bindings")
  assert.include(message, "onScript")
})
