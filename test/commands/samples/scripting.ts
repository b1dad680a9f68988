import * as Command from "../../../src/commands/Command.ts"
import { Scripting } from "../../../src/commands/Scripting.ts"
import { Strings } from "../../../src/commands/Strings.ts"
import { type Sample } from "./Sample.ts"

const script = "return {KEYS[1], ARGV[1], #KEYS}"
const sha1 = "7413dc2440db1fea7c0a0bde841fa68eefaf149c"
const library =
  "#!lua name=tools\nredis.register_function{function_name='first', callback=function(keys, args) return args[1] end, flags={'no-writes'}}"
const loaded = [Scripting.functionLoad(library, { replace: true })]

/** The reply of `FUNCTION DUMP` for the library. */
const dumped = Buffer.from(
  "9UCGIyFsdWEgbmFtZT10b29scwpyZWRpcy5yZWdpc3Rlcl9mdW5jdGlvbntmdW5jdGlvbl9uYW1lPSdmaXJzdCcsIGNhbGxiYWNrPWZ1bmN0aW9uKGtleXMsIGFyZ3MpIHJldHVybiBhcmdzWzFdIGVuZCwgZmxhZ3M9eyduby13cml0ZXMnfX0KAHjHbx0gPF25",
  "base64"
)
const scriptLoaded = [Scripting.scriptLoad("return ARGV[1]")]

export const scripting: ReadonlyArray<Sample> = [
  {
    name: "eval",
    command: Scripting.eval("return { KEYS[1], ARGV[1] }", { keys: ["user:1"], args: [7] }),
    expected: ["user:1", "7"]
  },
  {
    name: "eval with several keys",
    command: Scripting.eval(script, { keys: ["{t}a", "{t}b"], args: [7] }),
    expected: ["{t}a", "7", 2]
  },
  {
    name: "evalRo",
    command: Scripting.evalRo("return redis.call('GET', KEYS[1])", { keys: ["user:1"] }),
    prepare: [Strings.set("user:1", "Ada")],
    expected: "Ada"
  },
  { name: "evalRo without keys", command: Scripting.evalRo("return 1"), expected: 1 },
  {
    name: "evalsha",
    command: Scripting.evalsha("098e0f0d1448c0a81dafe820f66d460eb09263da", { args: ["hi"] }),
    prepare: scriptLoaded,
    expected: "hi"
  },
  { name: "evalsha of an unknown script", command: Scripting.evalsha(sha1, { keys: ["k"] }), error: /NOSCRIPT/ },
  {
    name: "evalshaRo",
    command: Scripting.evalshaRo("098e0f0d1448c0a81dafe820f66d460eb09263da", { args: ["hi"] }),
    prepare: scriptLoaded,
    expected: "hi"
  },
  { name: "evalshaRo of an unknown script", command: Scripting.evalshaRo(sha1), error: /NOSCRIPT/ },
  {
    name: "fcall",
    command: Scripting.fcall("first", { keys: ["user:1"], args: ["hi"] }),
    prepare: loaded,
    expected: "hi"
  },
  { name: "fcallRo", command: Scripting.fcallRo("first", { args: ["hi"] }), prepare: loaded, expected: "hi" },
  { name: "functionDelete", command: Scripting.functionDelete("tools"), prepare: loaded, expected: "OK" },
  { name: "functionDump", command: Command.bytes(Scripting.functionDump()), prepare: loaded },
  { name: "functionFlush", command: Scripting.functionFlush(), expected: "OK" },
  { name: "functionFlush at once", command: Scripting.functionFlush("SYNC"), expected: "OK" },
  { name: "functionKill", command: Scripting.functionKill(), error: /NOTBUSY/ },
  {
    name: "functionList",
    command: Scripting.functionList({ libraryName: "to*" }),
    prepare: loaded,
    expected: [{
      name: "tools",
      engine: "LUA",
      functions: [{ name: "first", description: null, flags: ["no-writes"] }]
    }]
  },
  {
    name: "functionList with code",
    command: Scripting.functionList({ withCode: true }),
    prepare: loaded,
    expected: [{
      name: "tools",
      engine: "LUA",
      functions: [{ name: "first", description: null, flags: ["no-writes"] }],
      code: library
    }]
  },
  { name: "functionLoad", command: Scripting.functionLoad(library, { replace: true }), expected: "tools" },
  { name: "functionRestore", command: Scripting.functionRestore(dumped, "REPLACE"), expected: "OK" },
  { name: "functionRestore of nonsense", command: Scripting.functionRestore("broken", "REPLACE"), error: /payload/ },
  {
    name: "functionStats",
    command: Scripting.functionStats(),
    prepare: loaded,
    expected: { running: null, engines: { LUA: { libraries: 1, functions: 1 } } }
  },
  {
    name: "scriptExists",
    command: Scripting.scriptExists([
      "098e0f0d1448c0a81dafe820f66d460eb09263da",
      "0000000000000000000000000000000000000000"
    ]),
    prepare: scriptLoaded,
    expected: [true, false]
  },
  { name: "scriptExists of no digests", command: Scripting.scriptExists(["none", "other"]), expected: [false, false] },
  { name: "scriptFlush", command: Scripting.scriptFlush(), expected: "OK" },
  { name: "scriptFlush at once", command: Scripting.scriptFlush("SYNC"), expected: "OK" },
  { name: "scriptKill", command: Scripting.scriptKill(), error: /NOTBUSY/ },
  {
    name: "scriptLoad",
    command: Scripting.scriptLoad("return ARGV[1]"),
    expected: "098e0f0d1448c0a81dafe820f66d460eb09263da"
  },
  {
    name: "scriptShow",
    command: Scripting.scriptShow("098e0f0d1448c0a81dafe820f66d460eb09263da"),
    prepare: scriptLoaded,
    expected: "return ARGV[1]",
    since: { valkey: "8.0" }
  }
]
