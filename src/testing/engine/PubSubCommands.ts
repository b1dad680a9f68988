/**
 * Publishing and subscribing: with channels, patterns and shard channels.
 */
import { type Answer, nothing, notSupported, Push } from "./Answer.ts"
import { type Bytes, glob } from "./Bytes.ts"
import { type Call, type Group, read } from "./Call.ts"
import type { SessionRole } from "./Roles.ts"

type Kind = "subscribe" | "psubscribe" | "ssubscribe"

/** The number of subscriptions of a session. Shard channels are counted apart. */
const countOf = (session: SessionRole, kind: Kind): number =>
  kind === "ssubscribe" ? session.shardChannels.size : session.channels.size + session.patterns.size

const add = (session: SessionRole, kind: Kind, name: Bytes): void => {
  if (kind === "subscribe") session.channels.add(name)
  else if (kind === "psubscribe") session.patterns.set(name, glob(name))
  else session.shardChannels.add(name)
}

const namesOf = (session: SessionRole, kind: Kind): ReadonlyArray<Bytes> =>
  kind === "subscribe"
    ? [...session.channels]
    : kind === "psubscribe"
    ? [...session.patterns.keys()]
    : [...session.shardChannels]

const remove = (session: SessionRole, kind: Kind, name: Bytes): void => {
  if (kind === "subscribe") session.channels.delete(name)
  else if (kind === "psubscribe") session.patterns.delete(name)
  else session.shardChannels.delete(name)
}

const subscribe = (kind: Kind) => (call: Call): Answer => {
  for (const name of call.every(1)) {
    add(call.session, kind, name)
    call.session.send(new Push([kind, name, countOf(call.session, kind)]))
  }
  return nothing
}

const unsubscribe = (kind: Kind, word: string) => (call: Call): Answer => {
  const { session } = call
  const names = call.args.length > 1 ? call.every(1) : namesOf(session, kind)
  for (const name of names) {
    remove(session, kind, name)
    session.send(new Push([word, name, countOf(session, kind)]))
  }
  if (names.length === 0) session.send(new Push([word, null, countOf(session, kind)]))
  return nothing
}

/** The names to which the sessions of a node subscribe, each once. */
const namesOfAll = (call: Call, names: (session: SessionRole) => Iterable<Bytes>): ReadonlySet<Bytes> => {
  const all = new Set<Bytes>()
  for (const session of call.node.sessions) for (const name of names(session)) all.add(name)
  return all
}

const channelsOf = (call: Call, names: (session: SessionRole) => ReadonlySet<Bytes>): Answer => {
  const matches = glob(call.args[2] ?? "*")
  return [...namesOfAll(call, names)].filter(matches)
}

const countsOf = (call: Call, names: (session: SessionRole) => ReadonlySet<Bytes>): Answer =>
  call.every(2).flatMap((channel) => [
    channel,
    [...call.node.sessions].filter((session) => names(session).has(channel)).length
  ])

const pubsub = (call: Call): Answer => {
  switch (call.word(1)) {
    case "CHANNELS":
      return channelsOf(call, (session) => session.channels)
    case "SHARDCHANNELS":
      return channelsOf(call, (session) => session.shardChannels)
    case "NUMSUB":
      return countsOf(call, (session) => session.channels)
    case "SHARDNUMSUB":
      return countsOf(call, (session) => session.shardChannels)
    case "NUMPAT":
      return namesOfAll(call, (session) => session.patterns.keys()).size
    default:
      return notSupported(`PUBSUB ${call.word(1)}`)
  }
}

export const pubSub: Group = {
  SUBSCRIBE: read(-2, subscribe("subscribe")),
  PSUBSCRIBE: read(-2, subscribe("psubscribe")),
  SSUBSCRIBE: read(-2, subscribe("ssubscribe")),
  UNSUBSCRIBE: read(-1, unsubscribe("subscribe", "unsubscribe")),
  PUNSUBSCRIBE: read(-1, unsubscribe("psubscribe", "punsubscribe")),
  SUNSUBSCRIBE: read(-1, unsubscribe("ssubscribe", "sunsubscribe")),
  PUBLISH: read(3, (call) => call.node.cluster.publish(call.node, call.args[1], call.args[2])),
  SPUBLISH: read(3, (call) => call.node.cluster.publishSharded(call.node, call.args[1], call.args[2])),
  PUBSUB: read(-2, pubsub)
}
