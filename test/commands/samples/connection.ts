import { Clients } from "../../../src/commands/Clients.ts"
import { has, isList, isNumber, isText, type Sample } from "./Sample.ts"

const isClient = has("id", "addr", "name", "age", "fields")

export const connection: ReadonlyArray<Sample> = [
  { name: "clientGetname", command: Clients.clientGetname(), expected: null },
  { name: "clientGetredir", command: Clients.clientGetredir(), expected: -1 },
  { name: "clientId", command: Clients.clientId(), unstable: isNumber },
  {
    name: "clientInfo",
    command: Clients.clientInfo(),
    unstable: isClient,
    shown: "{ id: 7, addr: \"127.0.0.1:51234\", age: 12, idle: 0, ... }"
  },
  { name: "clientKill", command: Clients.clientKill({ type: "pubsub" }), expected: 0 },
  {
    name: "clientKill with traits",
    command: Clients.clientKill({ id: 999999, type: "pubsub", user: "default", skipMe: true }),
    expected: 0
  },
  {
    name: "clientList",
    command: Clients.clientList({ type: "normal" }),
    unstable: (value) => isList(value) && value.length > 0 && value.every(isClient),
    shown: "[{ id: 7, addr: \"127.0.0.1:51234\", age: 12, idle: 0, ... }]"
  },
  {
    name: "clientList of a kind",
    command: Clients.clientList({ type: "normal" }),
    unstable: (value) => Array.isArray(value) && value.length > 1 && value.every(isClient)
  },
  { name: "clientList as text", command: Clients.clientList({ raw: true }), unstable: isText },
  { name: "clientInfo as text", command: Clients.clientInfo({ raw: true }), unstable: isText },
  {
    name: "clientKill by age",
    command: Clients.clientKill({ maxAge: 1_000_000 }),
    expected: 0,
    since: { redis: "7.4", valkey: "8.0" }
  },
  {
    name: "clientKill by what it is and is not",
    command: Clients.clientKill({
      id: [999998, 999999],
      name: "x",
      flags: "N",
      libName: "x",
      libVer: "1",
      db: 0,
      capa: "r",
      ip: "10.0.0.1",
      idle: 1000,
      not: {
        id: [1],
        type: "pubsub",
        user: "default",
        addr: "a:1",
        laddr: "a:1",
        name: "y",
        flags: "S",
        libName: "y",
        db: 0
      }
    }),
    expected: 0,
    since: { valkey: "9.0" }
  },
  {
    name: "clientList by ids",
    command: Clients.clientList({ id: [999998, 999999] }),
    expected: []
  },
  {
    name: "clientList by user",
    command: Clients.clientList({ user: "default", skipMe: true, maxAge: 1_000_000 }),
    expected: [],
    since: { valkey: "8.1" }
  },
  {
    name: "clientList of others",
    command: Clients.clientList({ not: { user: "default", libVer: "1", capa: "r", ip: "10.0.0.1" }, idle: 1 }),
    expected: [],
    since: { valkey: "9.0" }
  },
  { name: "clientPause", command: Clients.clientPause("10 millis", "WRITE"), expected: "OK" },
  {
    name: "clientTrackinginfo",
    command: Clients.clientTrackinginfo(),
    expected: { flags: ["off"], redirect: -1, prefixes: [] }
  },
  { name: "clientUnblock", command: Clients.clientUnblock(999999), expected: false },
  { name: "clientUnblock with an error", command: Clients.clientUnblock(999999, "ERROR"), expected: false },
  { name: "clientUnpause", command: Clients.clientUnpause(), expected: "OK" },
  { name: "echo", command: Clients.echo("hello"), expected: "hello" },
  { name: "echo of a letter beyond ASCII", command: Clients.echo("é"), expected: "é" },
  {
    name: "hello",
    command: Clients.hello(),
    unstable: has("server", "version", "proto", "modules"),
    shown: "{ server: \"redis\", version: \"7.0.15\", proto: 3, ... }"
  },
  { name: "ping", command: Clients.ping(), expected: "PONG" },
  { name: "ping with a message", command: Clients.ping("hi"), expected: "hi" }
]
