import { Connection } from "../../../src/commands/Clients.ts"
import { has, isNumber, type Sample } from "./Sample.ts"

const isClient = has("id", "addr", "name", "age", "fields")

export const connection: ReadonlyArray<Sample> = [
  { name: "clientGetname", command: Connection.clientGetname(), expected: null },
  { name: "clientGetredir", command: Connection.clientGetredir(), expected: -1 },
  { name: "clientId", command: Connection.clientId(), unstable: isNumber },
  { name: "clientInfo", command: Connection.clientInfo(), unstable: isClient },
  {
    name: "clientKill",
    command: Connection.clientKill({ id: 999999, type: "pubsub", user: "default", skipMe: true }),
    expected: 0
  },
  {
    name: "clientList",
    command: Connection.clientList({ type: "normal" }),
    unstable: (value) => Array.isArray(value) && value.length > 1 && value.every(isClient)
  },
  {
    name: "clientKill by age",
    command: Connection.clientKill({ maxAge: 1_000_000 }),
    expected: 0,
    since: { redis: "7.4", valkey: "8.0" }
  },
  {
    name: "clientKill by what it is and is not",
    command: Connection.clientKill({
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
    command: Connection.clientList({ id: [999998, 999999] }),
    expected: []
  },
  {
    name: "clientList by user",
    command: Connection.clientList({ user: "default", skipMe: true, maxAge: 1_000_000 }),
    expected: [],
    since: { valkey: "8.1" }
  },
  {
    name: "clientList of others",
    command: Connection.clientList({ not: { user: "default", libVer: "1", capa: "r", ip: "10.0.0.1" }, idle: 1 }),
    expected: [],
    since: { valkey: "9.0" }
  },
  { name: "clientPause", command: Connection.clientPause("1 millis", "WRITE"), expected: "OK" },
  {
    name: "clientTrackinginfo",
    command: Connection.clientTrackinginfo(),
    expected: { flags: ["off"], redirect: -1, prefixes: [] }
  },
  { name: "clientUnblock", command: Connection.clientUnblock(999999, "ERROR"), expected: false },
  { name: "clientUnpause", command: Connection.clientUnpause(), expected: "OK" },
  { name: "echo", command: Connection.echo("é"), expected: "é" },
  {
    name: "hello",
    command: Connection.hello(),
    unstable: (value) => has("server", "version", "proto", "modules")(value)
  },
  { name: "ping", command: Connection.ping(), expected: "PONG" },
  { name: "ping with a message", command: Connection.ping("hi"), expected: "hi" }
]
