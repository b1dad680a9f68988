import * as Command from "../../../src/commands/Command.ts"
import { Scripting } from "../../../src/commands/Scripting.ts"
import { type Sample } from "./Sample.ts"

const script = "return {KEYS[1], ARGV[1], #KEYS}"
const sha1 = "7413dc2440db1fea7c0a0bde841fa68eefaf149c"
const library =
  "#!lua name=lib\nredis.register_function{function_name='f', callback=function(k, a) return a[1] end, flags={'no-writes'}}"
const loaded = [["FUNCTION", "LOAD", "REPLACE", library]]

export const scripting: ReadonlyArray<Sample> = [
  { name: "eval", command: Scripting.eval(script, { keys: ["{t}a", "{t}b"], args: [7] }), expected: ["{t}a", "7", 2] },
  { name: "evalRo", command: Scripting.evalRo("return 1"), expected: 1 },
  { name: "evalsha", command: Scripting.evalsha(sha1, { keys: ["k"] }), error: /NOSCRIPT/ },
  { name: "evalshaRo", command: Scripting.evalshaRo(sha1), error: /NOSCRIPT/ },
  { name: "fcall", command: Scripting.fcall("f", { keys: ["k"], args: ["x"] }), prepare: loaded, expected: "x" },
  { name: "fcallRo", command: Scripting.fcallRo("f", { args: ["x"] }), prepare: loaded, expected: "x" },
  { name: "functionDelete", command: Scripting.functionDelete("lib"), prepare: loaded, expected: "OK" },
  { name: "functionDump", command: Command.bytes(Scripting.functionDump()), prepare: loaded },
  { name: "functionFlush", command: Scripting.functionFlush("SYNC"), expected: "OK" },
  { name: "functionKill", command: Scripting.functionKill(), error: /NOTBUSY/ },
  {
    name: "functionList",
    command: Scripting.functionList({ libraryName: "li*" }),
    prepare: loaded,
    expected: [{ name: "lib", engine: "LUA", functions: [{ name: "f", description: null, flags: ["no-writes"] }] }]
  },
  {
    name: "functionList with code",
    command: Scripting.functionList({ withCode: true }),
    prepare: loaded,
    expected: [{
      name: "lib",
      engine: "LUA",
      functions: [{ name: "f", description: null, flags: ["no-writes"] }],
      code: library
    }]
  },
  { name: "functionLoad", command: Scripting.functionLoad(library, { replace: true }), expected: "lib" },
  { name: "functionRestore", command: Scripting.functionRestore("broken", "REPLACE"), error: /payload/ },
  {
    name: "functionStats",
    command: Scripting.functionStats(),
    prepare: loaded,
    expected: { running: null, engines: { LUA: { libraries: 1, functions: 1 } } }
  },
  { name: "scriptExists", command: Scripting.scriptExists(["none", "other"]), expected: [false, false] },
  { name: "scriptFlush", command: Scripting.scriptFlush("SYNC"), expected: "OK" },
  { name: "scriptKill", command: Scripting.scriptKill(), error: /NOTBUSY/ },
  {
    name: "scriptLoad",
    command: Scripting.scriptLoad("return 1"),
    expected: "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
  },
  {
    name: "scriptShow",
    command: Scripting.scriptShow("e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
    prepare: [["SCRIPT", "LOAD", "return 1"]],
    expected: "return 1",
    since: { valkey: "8.0" }
  }
]
