/**
 * The identity, the protocol and the settings of a connection.
 */
import { type Answer, failure, nothing, notSupported, ok, Pairs, Push, Simple } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read } from "./Call.ts"
import type { SessionRole } from "./Roles.ts"
import * as Tracking from "./TrackingCommands.ts"

/** The version of the server in INFO and HELLO. */
export const version = "8.0.0"

const wrongPass = failure("WRONGPASS invalid username-password pair or user is disabled.")
const badName = "ERR Client names cannot contain spaces, newlines or special characters."

const authenticate = (call: Call, user: Bytes, password: Bytes): boolean => {
  const known = call.node.users.get(user)
  if (known?.accepts(password) !== true) {
    call.fail(wrongPass)
    return false
  }
  call.session.authenticated = true
  call.session.user = known
  return true
}

const auth = (call: Call): Answer => {
  if (call.args.length > 3) return call.syntax()
  if (call.args.length === 2 && call.node.defaultUser.withoutPassword) {
    return call.refuse(
      "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
    )
  }
  const [user, password] = call.args.length === 2 ? ["default", call.args[1]] : call.args.slice(1)
  return authenticate(call, user, password) ? ok : null
}

const hello = (call: Call): Answer => {
  const { session } = call
  let resp: 2 | 3 = session.resp
  if (call.args.length > 1) {
    const wanted = call.integer(1, failure("ERR Protocol version is not an integer or out of range"))
    if (call.failed) return null
    if (wanted !== 2 && wanted !== 3) return call.refuse("NOPROTO unsupported protocol version")
    resp = wanted
  }
  for (let i = 2; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "AUTH" && i + 2 < call.args.length) {
      if (!authenticate(call, call.args[i + 1], call.args[i + 2])) return null
      i += 2
    } else if (word === "SETNAME" && i + 1 < call.args.length) session.name = call.args[++i]
    else return call.refuse(`ERR Syntax error in HELLO option '${call.args[i]}'`)
  }
  if (!session.authenticated) {
    return call.refuse(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
    )
  }
  session.resp = resp
  return new Pairs([
    "server",
    "redis",
    "version",
    version,
    "proto",
    resp,
    "id",
    session.id,
    "mode",
    "cluster",
    "role",
    call.node.isPrimary ? "master" : "replica",
    "modules",
    []
  ])
}

const flagsOf = (session: SessionRole): string =>
  [
    session.subscriptions > 0 ? "P" : "",
    session.queue === undefined ? "" : "x",
    session.waiting === undefined ? "" : "b",
    session.watchBroken ? "d" : "",
    session.readonly ? "r" : "",
    Tracking.flagsOf(session)
  ].join("") || "N"

const infoOf = (call: Call, session: SessionRole): string => {
  const age = Math.floor((call.now - session.since) / 1000)
  const { host, port } = session.node.endpoint
  return `id=${session.id} addr=127.0.0.1:${40_000 + session.id} laddr=${host}:${port} fd=8 name=${session.name} ` +
    `age=${age} idle=0 flags=${flagsOf(session)} db=0 sub=${session.channels.size} ` +
    `psub=${session.patterns.size} ssub=${session.shardChannels.size} multi=${session.queue?.length ?? -1} ` +
    `watch=${session.watched.size} resp=${session.resp} cmd=${
      session.lastCommand.toLowerCase() || "NULL"
    } user=${session.user.name}`
}

const sessionWithId = (call: Call, index: number): SessionRole | undefined =>
  [...call.node.sessions].find((session) => String(session.id) === call.args[index])

const pause = (call: Call): Answer => {
  const millis = call.integer(2, failure("ERR timeout is not an integer or out of range"))
  if (!call.failed && millis < 0) return call.refuse("ERR timeout is negative")
  const mode = call.word(3)
  if (!["", "WRITE", "ALL"].includes(mode)) return call.refuse("ERR CLIENT PAUSE mode must be WRITE or ALL")
  if (call.failed) return null
  call.node.pauseFor(millis, mode === "WRITE")
  return ok
}

const kill = (call: Call): Answer => {
  const filter = call.word(2)
  if (call.args.length !== 4 || !["ID", "TYPE", "USER"].includes(filter)) return notSupported(`CLIENT KILL ${filter}`)
  const isSubscriber = (session: SessionRole) => session.subscriptions > 0
  const isWanted = (session: SessionRole) =>
    filter === "ID"
      ? String(session.id) === call.args[3]
      : filter === "USER"
      ? session !== call.session && session.user.name === call.args[3]
      : session !== call.session && isSubscriber(session) === (call.word(3) === "PUBSUB")
  const wanted = [...call.node.sessions].filter(isWanted)
  for (const session of wanted) {
    // The reply comes before the end.
    if (session === call.session) call.node.cluster.host.defer(() => session.end())
    else session.end()
  }
  return wanted.length
}

const subcommands: Readonly<Record<string, ((call: Call) => Answer) | undefined>> = {
  ID: (call) => call.session.id,
  GETNAME: (call) => call.session.name === "" ? null : call.session.name,
  SETNAME: (call) => {
    if (/[^!-~]/.test(call.args[2] ?? "")) return call.refuse(badName)
    call.session.name = call.args[2] ?? ""
    return ok
  },
  SETINFO: (call) => call.args.length === 4 ? ok : call.syntax(),
  INFO: (call) => `${infoOf(call, call.session)}\n`,
  LIST: (call) => [...call.node.sessions].map((session) => `${infoOf(call, session)}\n`).join(""),
  KILL: kill,
  PAUSE: pause,
  UNPAUSE: (call) => {
    call.node.endPause()
    return ok
  },
  REPLY: (call) => {
    const mode = call.word(2)
    if (mode === "ON") call.session.replies = "on"
    else if (mode === "OFF") call.session.replies = "off"
    else if (mode === "SKIP") call.session.replies = "skip"
    else return call.syntax()
    return mode === "ON" ? ok : nothing
  },
  "NO-EVICT": () => ok,
  "NO-TOUCH": () => ok,
  TRACKING: Tracking.track,
  CACHING: Tracking.cache,
  TRACKINGINFO: Tracking.trackingInfo,
  GETREDIR: Tracking.redirectOf,
  UNBLOCK: (call) => {
    const session = sessionWithId(call, 2)
    const waiting = session?.waiting
    if (session === undefined || waiting === undefined) return 0
    const withError = call.word(3) === "ERROR"
    session.resolve(
      withError ? failure("UNBLOCKED client unblocked via CLIENT UNBLOCK") : waiting.onTimeout()
    )
    return 1
  }
}

export const connection: Group = {
  AUTH: read(-2, auth),
  HELLO: read(-1, hello),
  PING: read(-1, (call) => {
    if (call.args.length > 2) return call.refuse("ERR wrong number of arguments for 'ping' command")
    if (call.session.resp === 2 && call.session.subscriptions > 0) return new Push(["pong", call.args[1] ?? ""])
    return call.args[1] ?? new Simple("PONG")
  }),
  ECHO: read(2, (call) => call.args[1]),
  SELECT: read(2, (call) => {
    const index = call.integer(1, failure("ERR invalid DB index"))
    return call.failed || index === 0 ? ok : call.refuse("ERR SELECT is not allowed in cluster mode")
  }),
  QUIT: read(-1, (call) => {
    call.session.send(ok)
    call.session.end()
    return nothing
  }),
  RESET: read(1, (call) => {
    const { session } = call
    session.endTransaction()
    session.channels.clear()
    session.patterns.clear()
    session.shardChannels.clear()
    session.resp = 2
    session.name = ""
    session.readonly = false
    session.tracking = undefined
    session.caching = false
    session.user = call.node.defaultUser
    session.authenticated = session.user.enabled && session.user.withoutPassword
    return new Simple("RESET")
  }),
  CLIENT: read(-2, (call) => {
    const run = subcommands[call.word(1)]
    return run === undefined ? notSupported(`CLIENT ${call.word(1)}`) : run(call)
  })
}
