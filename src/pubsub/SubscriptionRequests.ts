/**
 * The requests that one connection has sent and the server has not answered: SUBSCRIBE, UNSUBSCRIBE and their siblings.
 *
 * A server answers in order, and confirms each name by a reply of its own, so that a confirmation belongs to the
 * oldest unanswered request, whatever name the server repeats. A refusal is about a whole request, which is divided
 * until the refused name is known.
 */
import { CommandSpec } from "../commands/CommandSpec.ts"
import { Fifo } from "../internal/Fifo.ts"
import type { NodeSubscription } from "./NodeSubscription.ts"
import type { Kind } from "./Wish.ts"

const specs = {
  subscribe: new CommandSpec("SUBSCRIBE", {}),
  unsubscribe: new CommandSpec("UNSUBSCRIBE", {}),
  psubscribe: new CommandSpec("PSUBSCRIBE", {}),
  punsubscribe: new CommandSpec("PUNSUBSCRIBE", {}),
  ssubscribe: new CommandSpec("SSUBSCRIBE", {}),
  sunsubscribe: new CommandSpec("SUNSUBSCRIBE", {})
}

/** The words of requests, and of the replies that confirm them. */
export type Verb = keyof typeof specs

export const isVerb = (word: string): word is Verb => Object.hasOwn(specs, word)

const subscribing: Record<Kind, Verb> = { channel: "subscribe", pattern: "psubscribe", shardChannel: "ssubscribe" }
const leaving: Record<Kind, Verb> = { channel: "unsubscribe", pattern: "punsubscribe", shardChannel: "sunsubscribe" }

/** The name of the command that asks for a subscription. */
export const commandOf = (kind: Kind): string => specs[subscribing[kind]].name

/** The most names of one request. */
const maxNames = 512

interface Request {
  readonly verb: Verb
  readonly entries: ReadonlyArray<NodeSubscription>
  readonly rounds: ReadonlyArray<number>
  /** The number of its confirmed entries. */
  answered: number
}

/** A request as it is written. */
export interface WrittenRequest {
  readonly spec: CommandSpec
  readonly names: ReadonlyArray<string>
}

/**
 * - an entry: the server has confirmed it; `isRenamed` when the server has repeated another name
 * - `outdated`: the entry was asked for again since
 * - `unsolicited`: it answers no request. A server itself ends subscriptions to shard channels.
 * - `misaligned`: no request, and no server by itself, can have caused it
 */
export type Confirmation =
  | { readonly entry: NodeSubscription; readonly isRenamed: boolean }
  | "outdated"
  | "unsolicited"
  | "misaligned"

export class SubscriptionRequests {
  private readonly due = new Fifo<Request>()
  private readonly send: (request: WrittenRequest) => void

  constructor(send: (request: WrittenRequest) => void) {
    this.send = send
  }

  /** The number of unanswered requests. */
  get size(): number {
    return this.due.size
  }

  subscribe(kind: Kind, entries: ReadonlyArray<NodeSubscription>): void {
    for (const group of portions(kind, entries)) {
      for (const entry of group) entry.state = "asked"
      this.write(subscribing[kind], group)
    }
  }

  unsubscribe(kind: Kind, entries: ReadonlyArray<NodeSubscription>): void {
    for (const group of portions(kind, entries)) {
      for (const entry of group) entry.state = "leaving"
      this.write(leaving[kind], group)
    }
  }

  /** Subscribes again to a live name, to learn whether the node still serves it. */
  verify(entry: NodeSubscription): void {
    this.write(subscribing[entry.kind], [entry])
  }

  /** Takes a confirmation; `isKnown` says whether the connection has a shard channel of a name. */
  confirm(verb: Verb, name: string, isKnown: (name: string) => boolean): Confirmation {
    const request = this.due.peek()
    if (request === undefined || request.verb !== verb) return verb === "sunsubscribe" ? "unsolicited" : "misaligned"
    const entry = request.entries[request.answered]
    const isRenamed = entry.name !== name
    if (isRenamed && verb === "sunsubscribe" && isKnown(name)) return "unsolicited"
    const round = request.rounds[request.answered++]
    if (request.answered === request.entries.length) this.due.shift()
    return entry.round === round ? { entry, isRenamed } : "outdated"
  }

  /**
   * Takes a refusal. The result are the entries that it concerns. When it may concern one of several names, the result
   * is empty, and the names are requested again, in halves.
   */
  refuse(isAboutAll: boolean): ReadonlyArray<NodeSubscription> {
    const request = this.due.shift()
    if (request === undefined) return []
    const { answered, entries, rounds, verb } = request
    const refused = entries.filter((entry, i) => i >= answered && entry.round === rounds[i])
    if (refused.length < 2 || isAboutAll) return refused
    const middle = refused.length >> 1
    this.write(verb, refused.slice(0, middle))
    this.write(verb, refused.slice(middle))
    return []
  }

  /** Drops all requests, because the connection is lost. */
  clear(): void {
    this.due.takeAll()
  }

  private write(verb: Verb, entries: ReadonlyArray<NodeSubscription>): void {
    this.due.push({ verb, entries, rounds: entries.map((entry) => ++entry.round), answered: 0 })
    this.send({ spec: specs[verb], names: entries.map(({ name }) => name) })
  }
}

/** The requests for entries of one kind, without noting them as sent. */
export const requestsFor = (kind: Kind, entries: ReadonlyArray<NodeSubscription>): ReadonlyArray<WrittenRequest> =>
  portions(kind, entries).map((group) => ({ spec: specs[subscribing[kind]], names: group.map(({ name }) => name) }))

/** Divides entries into requests: a server takes the shard channels of one slot at a time. */
const portions = (
  kind: Kind,
  entries: ReadonlyArray<NodeSubscription>
): ReadonlyArray<ReadonlyArray<NodeSubscription>> => {
  const groups = kind === "shardChannel" ? bySlot(entries) : [entries]
  return groups.flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / maxNames) }, (_, i) => group.slice(i * maxNames, (i + 1) * maxNames))
  )
}

const bySlot = (entries: ReadonlyArray<NodeSubscription>): ReadonlyArray<ReadonlyArray<NodeSubscription>> => {
  const groups = new Map<number, Array<NodeSubscription>>()
  for (const entry of entries) {
    const group = groups.get(entry.slot)
    if (group === undefined) groups.set(entry.slot, [entry])
    else group.push(entry)
  }
  return [...groups.values()]
}
